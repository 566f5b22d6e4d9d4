import { BriefError } from './brief-error.ts'
import type { Check } from './check.ts'
import { findShapeFault, isRecord } from './json-shape.ts'
import { OPERATORS, type OperatorName, PLAIN_OPERATORS } from './operators.ts'
import { findAt, parsePointer } from './pointer.ts'

export const RULES_MAX = 256
const RULE_WEIGHT_MAX = 1_000
const RULE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const VALUE_LIMITS = { depthMax: 32, nodesMax: 10_000 }

export interface Rule {
  id?: string
  /** JSON pointer (RFC 6901) into the result. */
  pointer: string
  op: OperatorName
  value?: unknown
  /** 0 < weight ≤ 1000 */
  weight: number
}

export interface RuleSet {
  version: 1
  /** The share of the rules' weight, 0–1, that must pass. */
  threshold: number
  rules: Rule[]
}

/**
 * Parse a rule set, for the buyer who sends it and for the reviewer who receives it: strict, unknown fields refused, defaults filled in
 * (`threshold` 1, `weight` 1), every pattern compiled.
 *
 * @throws BriefError naming the place, such as `rules[2].value`.
 */
export function parseRules(input: unknown): RuleSet {
  const fields = readFields(input, ['version', 'threshold', 'rules'], '')
  if (fields.version !== 1) throw new BriefError('version', 'must be 1')
  const { threshold = 1, rules } = fields
  if (typeof threshold !== 'number' || !(threshold >= 0 && threshold <= 1))
    throw new BriefError('threshold', 'must be a number from 0 to 1')
  if (!Array.isArray(rules) || rules.length === 0 || rules.length > RULES_MAX)
    throw new BriefError('rules', `must be a list of 1 to ${RULES_MAX} rules`)

  const parsed = rules.map((rule, index) => parseRule(rule, `rules[${index}]`))
  const ids = parsed.flatMap((rule) => rule.id ?? [])
  if (new Set(ids).size !== ids.length) throw new BriefError('rules', 'two rules have the same id')
  return { version: 1, threshold, rules: parsed }
}

/**
 * Check a result against every rule. A rule speaks about a value: where the pointer finds none, it does not hold, whatever the operator.
 *
 * @param ruleSet - As `parseRules` returned it.
 * @param document - The parsed result.
 */
export function checkRules({ rules }: RuleSet, document: unknown): Check[] {
  return rules.map((rule, index) => {
    const actual = findAt(document, parsePointer(rule.pointer, 'pointer'))
    const passed = actual !== undefined && OPERATORS[rule.op](rule.value, 'value')(actual)
    const check: Check = { name: rule.id ?? `rule ${index + 1}`, kind: 'rule', passed, weight: rule.weight }
    return passed
      ? check
      : {
          ...check,
          reason: `${rule.pointer || 'the document'} ${actual === undefined ? 'is missing' : `is not ${describe(rule)}`}`,
        }
  })
}

function parseRule(input: unknown, path: string): Rule {
  const fields = readFields(input, ['id', 'pointer', 'op', 'value', 'weight'], path)
  const { id, op, value, weight = 1 } = fields
  if (id !== undefined && !(typeof id === 'string' && RULE_ID.test(id))) {
    throw new BriefError(`${path}.id`, 'must be 1 to 64 letters, digits, dots, underscores or dashes')
  }
  parsePointer(fields.pointer, `${path}.pointer`)
  if (!isOperatorName(op)) throw new BriefError(`${path}.op`, `must be one of ${Object.keys(OPERATORS).join(', ')}`)
  if (typeof weight !== 'number' || !(weight > 0 && weight <= RULE_WEIGHT_MAX)) {
    throw new BriefError(`${path}.weight`, `must be a number above 0, at most ${RULE_WEIGHT_MAX}`)
  }
  parseOperand(op, fields, `${path}.value`)
  const rule: Rule = { pointer: fields.pointer as string, op, weight }
  if (id !== undefined) rule.id = id
  if (Object.hasOwn(fields, 'value')) rule.value = value
  return rule
}

function parseOperand(op: OperatorName, fields: Record<string, unknown>, path: string): void {
  const isPlain = PLAIN_OPERATORS.has(op)
  if (Object.hasOwn(fields, 'value') === isPlain)
    throw new BriefError(path, isPlain ? `${op} takes no value` : `${op} needs a value`)
  const fault = findShapeFault(fields.value, VALUE_LIMITS)
  if (fault) throw new BriefError(path, fault)
  OPERATORS[op](fields.value, path)
}

function isOperatorName(op: unknown): op is OperatorName {
  return typeof op === 'string' && Object.hasOwn(OPERATORS, op)
}

function readFields(input: unknown, known: readonly string[], path: string): Record<string, unknown> {
  if (!isRecord(input)) throw new BriefError(path || 'rules', 'must be an object')
  const unknown = Object.keys(input).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new BriefError(path || 'rules', `has a field that is not one of ${known.join(', ')}`)
  return input
}

function describe({ op, value }: Rule): string {
  const words = op.replaceAll('_', ' ')
  return PLAIN_OPERATORS.has(op) ? words : `${words} ${JSON.stringify(value).slice(0, 100)}`
}
