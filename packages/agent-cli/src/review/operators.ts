import { BriefError } from './brief-error.ts'
import { canonicalText, isRecord } from './json-shape.ts'
import { compilePattern } from './pattern.ts'

const JSON_TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'] as const
const IN_ITEMS_MAX = 1_000

/** Whether a value found in the result holds. Nothing is ever converted: a text is not a number, and of the wrong type does not hold. */
type Predicate = (actual: unknown) => boolean

/** Read a rule's `value` and make its predicate; throws BriefError for a value the operator cannot use. */
type Operator = (operand: unknown, path: string) => Predicate

/** The operators of a rule. The pointer found something when a predicate is asked. */
export const OPERATORS = {
  required: plain(() => true),
  non_empty: plain((actual) => lengthOf(typeof actual === 'string' ? actual.trim() : actual) !== 0 && actual !== null),
  unique: plain((actual) => Array.isArray(actual) && new Set(actual.map(canonicalText)).size === actual.length),
  type: (operand, path) => {
    const type = JSON_TYPES.find((name) => name === operand)
    if (!type) throw new BriefError(path, `must be one of ${JSON_TYPES.join(', ')}`)
    return (actual) => (type === 'integer' ? Number.isInteger(actual) : typeOf(actual) === type)
  },
  eq: equality((isEqual) => isEqual),
  neq: equality((isEqual) => !isEqual),
  in: membership((isMember) => isMember),
  not_in: membership((isMember) => !isMember),
  gt: comparison((a, b) => a > b),
  gte: comparison((a, b) => a >= b),
  lt: comparison((a, b) => a < b),
  lte: comparison((a, b) => a <= b),
  min_length: size('string', (length, bound) => length >= bound),
  max_length: size('string', (length, bound) => length <= bound),
  min_items: size('array', (length, bound) => length >= bound),
  max_items: size('array', (length, bound) => length <= bound),
  contains: (operand) => {
    const wanted = canonicalText(operand)
    return (actual) => {
      if (Array.isArray(actual)) return actual.some((item) => canonicalText(item) === wanted)
      return typeof actual === 'string' && typeof operand === 'string' && actual.includes(operand)
    }
  },
  matches: (operand, path) => {
    const pattern = compilePattern(operand, path)
    return (actual) => typeof actual === 'string' && pattern.test(actual)
  },
} as const satisfies Record<string, Operator>

export type OperatorName = keyof typeof OPERATORS

/** Operators that take no `value`. */
export const PLAIN_OPERATORS: ReadonlySet<OperatorName> = new Set(['required', 'non_empty', 'unique'])

function plain(predicate: Predicate): Operator {
  return () => predicate
}

function equality(decide: (isEqual: boolean) => boolean): Operator {
  return (operand) => {
    const expected = canonicalText(operand)
    return (actual) => decide(canonicalText(actual) === expected)
  }
}

function membership(decide: (isMember: boolean) => boolean): Operator {
  return (operand, path) => {
    if (!Array.isArray(operand) || operand.length > IN_ITEMS_MAX)
      throw new BriefError(path, `must be a list of at most ${IN_ITEMS_MAX} values`)
    const members = new Set(operand.map(canonicalText))
    return (actual) => decide(members.has(canonicalText(actual)))
  }
}

function comparison(compare: (actual: number, bound: number) => boolean): Operator {
  return (bound, path) => {
    if (typeof bound !== 'number' || !Number.isFinite(bound)) throw new BriefError(path, 'must be a number')
    return (actual) => typeof actual === 'number' && compare(actual, bound)
  }
}

function size(type: 'string' | 'array', compare: (length: number, bound: number) => boolean): Operator {
  return (bound, path) => {
    if (!Number.isSafeInteger(bound) || (bound as number) < 0) throw new BriefError(path, 'must be a whole number, 0 or more')
    return (actual) => typeOf(actual) === type && compare(lengthOf(actual) ?? 0, bound as number)
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** Code points of a text (as JSON Schema counts), items of an array, members of an object; undefined for what has no size. */
function lengthOf(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length
  if (isRecord(value)) return Object.keys(value).length
  if (typeof value !== 'string') return undefined
  let codePoints = 0
  for (const _ of value) codePoints++
  return codePoints
}
