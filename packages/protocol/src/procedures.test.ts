import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { AgentCard, Amount, Cursor, procedures, Sum } from './index.ts'

type Node = z.core.$ZodType

interface Leaf {
  readonly path: string
  readonly schema: Node
}

/** Every schema inside of a schema, itself included, with where it stands. */
function walk(schema: Node, path: string): Leaf[] {
  return [{ path, schema }, ...childrenOf(schema).flatMap(([name, child]) => walk(child, `${path}${name}`))]
}

function childrenOf(schema: Node): [string, Node][] {
  const { def } = schema._zod as unknown as { def: z.core.$ZodTypeDef & Record<string, unknown> }
  switch (def.type) {
    case 'object':
      return Object.entries(def.shape as Record<string, Node>).map(([name, child]) => [`.${name}`, child])
    case 'array':
      return [['[]', def.element as Node]]
    case 'tuple':
      return (def.items as Node[]).map((child, index) => [`[${index}]`, child])
    case 'record':
      return [
        ['{key}', def.keyType as Node],
        ['{value}', def.valueType as Node],
      ]
    case 'union':
      return (def.options as Node[]).map((child, index) => [`|${index}`, child])
    case 'optional':
    case 'nullable':
    case 'default':
    case 'readonly':
      return [['', def.innerType as Node]]
    case 'string':
    case 'number':
    case 'boolean':
    case 'enum':
    case 'literal':
      return []
    default:
      throw new Error(`a schema of the wire is a ${def.type}: say here what it may hold`)
  }
}

function typeOf(schema: Node): string {
  return (schema._zod.def as { type: string }).type
}

interface Check {
  readonly check: string
  readonly maximum?: number
  readonly pattern?: RegExp
}

function checksOf(schema: Node): Check[] {
  const { checks = [] } = schema._zod.def as { checks?: z.core.$ZodCheck<never>[] }
  return checks.map(({ _zod }) => _zod.def as Check)
}

/** The longest string a schema lets in, as far as its checks tell. */
function charsMax(schema: Node): number {
  const bounds = checksOf(schema).map((check) => {
    if (check.check === 'max_length') return check.maximum ?? Number.POSITIVE_INFINITY
    return check.pattern ? patternMax(check.pattern) : Number.POSITIVE_INFINITY
  })
  return Math.min(Number.POSITIVE_INFINITY, ...bounds)
}

/** A pattern bounds what it matches if it is anchored and no quantifier is open. */
function patternMax({ source }: RegExp): number {
  const outsideOfClasses = source.replace(/\\./g, '_').replace(/\[[^\]]*\]/g, '_')
  const isBounded = source.startsWith('^') && source.endsWith('$') && !/[*+]|\{[0-9]+,\}/.test(outsideOfClasses)
  return isBounded ? 1_000 : Number.POSITIVE_INFINITY
}

function hasPattern(schema: Node): boolean {
  return checksOf(schema).some(({ pattern }) => pattern !== undefined)
}

/** A string that no human sentence fits into: amounts, and what has both a pattern without white space and a bound. */
function isTight(schema: Node): boolean {
  if (schema === Amount || schema === Sum) return true
  if (!hasPattern(schema) || charsMax(schema) === Number.POSITIVE_INFINITY) return false
  return !['two words', 'two\twords', 'two\nwords', 'zwei\u00a0Wörter'].some((text) => z.safeParse(schema, text).success)
}

const all = Object.entries(procedures).flatMap(([name, { input, output }]) => [
  ...walk(input, `${name}(`),
  ...walk(output, `${name})`),
])

describe('the wire of the control plane', () => {
  test('has objects that refuse an unknown field', () => {
    const loose = all.filter(({ schema }) => {
      const { type, catchall } = schema._zod.def as { type: string; catchall?: Node }
      return type === 'object' && (catchall === undefined || typeOf(catchall) !== 'never')
    })
    expect(loose.map(({ path }) => path)).toEqual([])
  })

  test('has no string that could carry a sentence', () => {
    const open = all.filter(({ schema }) => typeOf(schema) === 'string' && !isTight(schema))
    expect(open.map(({ path }) => path)).toEqual([])
  })

  test('has keys of records from a closed list', () => {
    const open = all.filter(({ path, schema }) => path.endsWith('{key}') && typeOf(schema) !== 'enum')
    expect(open.map(({ path }) => path)).toEqual([])
  })

  test('has whole numbers with a lower bound', () => {
    const open = all.filter(({ schema }) => typeOf(schema) === 'number' && z.safeParse(schema, -1).success)
    expect(open.map(({ path }) => path)).toEqual([])
    expect(all.filter(({ schema }) => typeOf(schema) === 'number' && z.safeParse(schema, 1.5).success)).toEqual([])
  })

  test('has cursors that are bounded and have no white space', () => {
    expect(isTight(Cursor)).toBe(true)
  })

  test('is wide enough for these tests to mean something', () => {
    expect(all.filter(({ schema }) => typeOf(schema) === 'string').length).toBeGreaterThan(100)
  })
})

test('the only human text is the name and the description on an agent card, and both are short', () => {
  const open = walk(AgentCard, 'card').filter(({ schema }) => typeOf(schema) === 'string' && !isTight(schema))
  expect(open.map(({ path }) => path)).toEqual(['card.name', 'card.description'])
  expect(open.map(({ schema }) => charsMax(schema))).toEqual([64, 280])
})

describe('the walk finds', () => {
  test.each<[string, z.ZodType, boolean]>([
    ['a free string', z.string(), false],
    ['a bounded string without a pattern', z.string().max(10), false],
    ['a pattern without a bound', z.string().regex(/^[a-z]+$/), false],
    ['a pattern that is not anchored', z.string().regex(/[a-z]{1,5}/), false],
    ['a bounded pattern that lets a space in', z.string().regex(/^[a-z ]{1,20}$/), false],
    ['a bounded pattern', z.string().regex(/^[a-z]{1,20}$/), true],
    [
      'an open pattern with a bound',
      z
        .string()
        .max(10)
        .regex(/^[a-z]+$/),
      true,
    ],
  ])('%s', (_, schema, tight) => {
    expect(isTight(schema)).toBe(tight)
  })
})
