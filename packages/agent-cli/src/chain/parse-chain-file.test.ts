// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of chain files look like this
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { chainSchema } from './chain-schema.ts'
import { parseChainFile } from './parse-chain-file.ts'

const parse = (text: string | Uint8Array) => parseChainFile(Buffer.from(text as string))
/** Each fault as `line: what stands at its place | message`. */
const faultsOf = (text: string | Uint8Array) => {
  const lines = Buffer.from(text as string)
    .toString('latin1')
    .split('\n')
  const parsed = parse(text)
  if (!('faults' in parsed)) return []
  return parsed.faults.map(({ line, column, message }) => {
    const [word = ''] = /^[\w:./"'$&*!-]*/.exec((lines[line - 1] ?? '').slice(column - 1)) ?? []
    return `${line}: ${word.slice(0, 24)} | ${message}`
  })
}
/** A chain of one step that has these fields beside a name and instructions. */
const step = (fields: string) => `version: 1\nsteps:\n  - {id: a, instructions: x, ${fields}}`
/** A chain of these steps, a line each. */
const steps = (...lines: string[]) => `version: 1\nsteps:\n${lines.map((line) => `  - {instructions: x, ${line}}`).join('\n')}`

test('a reference may stand in a list without quotes, and positions behind it stay true', () => {
  const text = steps('id: a, agent: bob', 'id: b, agent: bob, input: [${a.output}, "${a.output}"], pricee: 1')
  expect(faultsOf(text)).toEqual(['4: pricee: | unknown field "pricee" — did you mean "price"?'])
  const parsed = parse(steps('id: a, agent: bob', 'id: b, agent: bob, input: [${a.output}]'))
  expect('file' in parsed && parsed.file.steps[1]?.input).toEqual(['${a.output}'])
})

test.each([
  ['nothing', '', ['1:  | a chain file must be a group of fields']],
  ['a text', 'hello', ['1: hello | a chain file must be a group of fields']],
  ['no steps', 'version: 1', ['1: version: | "steps" is missing']],
  ['empty steps', 'version: 1\nsteps: []', ['2:  | "steps" must have at least 1 items']],
  ['another version', 'version: 2\nsteps: [{id: a, agent: bob, instructions: x}]', ['1: 2 | "version" must be 1']],
  ['no version', 'steps: [{id: a, agent: bob, instructions: x}]', ['1: steps: | "version" is missing']],
  ['a field with a slip', step('agent: bob, atempts: 2'), ['3: atempts: | unknown field "atempts" — did you mean "attempts"?']],
  ['a field nobody knows', step('agent: bob, zzzz: 2'), ['3: zzzz: | unknown field "zzzz"']],
  [
    'a field within a field',
    step('agent: bob, validate: {shema: x}'),
    ['3: shema: | unknown field "shema" — did you mean "schema"?'],
  ],
  ['a price without quotes', step('agent: bob, price: 10'), ['3: 10 | "price" must be an amount in quotes, such as "10"']],
  ['a price of nothing', step('agent: bob, price: "0"'), ['3: "0" | "price" must be more than 0 and at most 1000000000 credits']],
  [
    'a price too high',
    step('agent: bob, price: "1000000000.1"'),
    ['3: "1000000000.1" | "price" must be more than 0 and at most 1000000000 credits'],
  ],
  [
    'a price with seven decimals',
    step('agent: bob, price: "0.1234567"'),
    ['3: "0.1234567" | "price" must be an amount such as "10" or "5.25"'],
  ],
  [
    'a price written twice over',
    step('agent: bob, price: "1.0"'),
    ['3: "1.0" | "price" must be an amount such as "10" or "5.25"'],
  ],
  ['too many attempts', step('agent: bob, attempts: 11'), ['3: 11 | "attempts" must be at most 10']],
  ['half an attempt', step('agent: bob, attempts: 1.5'), ['3: 1.5 | "attempts" must be a whole number']],
  [
    'a duration without a unit',
    step('agent: bob, lease: 90'),
    ['3: 90 | "lease" must be a duration such as 90s, 10m, 24h or 7d'],
  ],
  ['a duration that is too long', step('agent: bob, lease: 31d'), ['3: 31d | "lease" must be from 1s to 30d']],
  ['an empty instruction', 'version: 1\nsteps: [{id: a, agent: bob, instructions: ""}]', ['2: "" | "instructions" is empty']],
  ['no instruction', 'version: 1\nsteps:\n  - id: a\n    agent: bob', ['3: id: | "instructions" is missing']],
  [
    'a name for a directory above',
    step('agent: bob').replace('id: a', 'id: ../a'),
    ['3: ../a | "id" must be lower-case letters, digits, and - or _ between them'],
  ],
  ['an agent that cannot be', step('agent: B/b'), ['3: B/b | "agent" is not such a name']],
  ['nobody to do it', step('attempts: 1'), ['3:  | a step needs a "capability" or an "agent" to do it']],
  ['two ways to do it', step('capability: x, agent: bob'), ['3: agent: | a step has a "capability" or an "agent", not both']],
  [
    'nobody to review',
    step('agent: bob, review: {count: 2}'),
    ['3:  | a review needs a "capability" or "agents" to judge the work'],
  ],
  ['more reviewers than named', step('agent: bob, review: {agents: [rita], count: 2}'), ['3: 2 | only 1 are named in "agents"']],
  ['a reviewer twice', step('agent: bob, review: {agents: [rita, rita]}'), ['3:  | an agent reviews the same work once']],
  ['its own reviewer', step('agent: bob, review: {agents: [bob]}'), ['3:  | the agent that does the work cannot review it']],
  ['too many reviewers', step('agent: bob, review: {capability: r, count: 16}'), ['3: 16 | "count" must be at most 15']],
  ['an unknown rule', step('agent: bob, review: {capability: r, rule: all}'), ['3: all | "rule" must be unanimous or majority']],
  ['a name twice', steps('id: a, agent: bob', 'id: a, agent: bob'), ['4: a | there is another step "a"']],
  [
    'a need that is not there',
    steps('id: one, agent: bob', 'id: two, agent: bob, needs: [onee]'),
    ['4: onee | there is no step "onee" — did you mean "one"?'],
  ],
  ['an output of nobody', steps('id: a, agent: bob, input: ["${zoo.output}"]'), ['3: "$ | there is no step "zoo"']],
  [
    'a reference to something else',
    steps('id: a, agent: bob, input: ["${a.result}"]'),
    ['3: "$ | "${a.result}" is no reference: write ${step.output}, and nothing beside it'],
  ],
  [
    'a reference and more',
    steps('id: a, agent: bob', 'id: b, agent: bob, input: ["x/${a.output}"]'),
    ['4: "x/$ | "x/${a.output}" is no reference: write ${step.output}, and nothing beside it'],
  ],
  ['two inputs of one name', step('agent: bob, input: [x/a.txt, y/a.txt]'), ['3: y/a.txt | another input is named "a.txt", too']],
  ['a step that needs itself', steps('id: a, agent: bob, needs: [a]'), ['3:  | these steps wait for each other: a needs a']],
  [
    'a circle of outputs',
    steps('id: a, agent: bob, needs: [c]', 'id: b, agent: bob, input: ["${a.output}"]', 'id: c, agent: bob, needs: [b]'),
    ['3:  | these steps wait for each other: a needs c needs b needs a'],
  ],
  ['a field twice', 'version: 1\nversion: 1', ['2: version: | this field is there twice']],
  [
    'an anchor and an alias',
    'version: &v 1\nsteps: *v',
    ['1: 1 | an anchor (&name) is not allowed here', '2: *v | an alias (*name) is not allowed here'],
  ],
  ['a tag', 'version: !!js/function 1', ['1: !!js/function | a tag (!name) is not allowed here']],
  ['two documents', 'version: 1\n---\nversion: 1', ['2: --- | has more than one document']],
  [
    'a prototype',
    'version: 1\n__proto__: {}\nsteps: [{id: a, agent: bob, instructions: x}]',
    ['2: __proto__: | unknown field "__proto__"'],
  ],
  ['bytes that are no text', Uint8Array.of(0x76, 0xff, 0xfe), ['1: v | is not UTF-8 text']],
  ['more than a megabyte', ' '.repeat(1024 * 1024 + 1), ['1:  | is longer than 1048576 bytes']],
] as const)('%s is told with its place', (_, text, expected) => {
  expect(faultsOf(text)).toEqual(expected)
})

test('every fault is told at once, in the order of the file', () => {
  const text = 'version: 1\nsteps:\n  - id: A\n    price: "x"\n    instructions: 1\n    lease: soon\n'
  expect(faultsOf(text).map((fault) => fault.split(' |')[0])).toEqual(['3: A', '4: "x"', '5: 1', '6: soon'])
})

test('a file that nests without end is refused, not followed', () => {
  expect(faultsOf('['.repeat(100_000))).toContainEqual(expect.stringContaining('is nested too deep'))
  expect(faultsOf(`version: ${'{a: '.repeat(100_000)}`).length).toBeGreaterThan(0)
})

property.prop([fc.string({ unit: 'binary' })])('any text at all is a chain or faults with places', (text) => {
  const parsed = parse(text)
  if ('faults' in parsed) expect(parsed.faults.every(({ line, column }) => line >= 1 && column >= 1)).toBe(true)
})

property.prop([fc.nat(), fc.nat({ max: 20 }), fc.string({ unit: fc.constantFrom(...'\n -:{}[]"\'$&*!#a1\t') })])(
  'a chain in which something is written over is a chain or has faults with places',
  (place, length, text) => {
    const whole = steps(
      'id: a, agent: bob, price: "1"',
      'id: b, capability: x, input: ["${a.output}"], review: {capability: r, count: 2}',
    )
    const at = place % whole.length
    const parsed = parse(`${whole.slice(0, at)}${text}${whole.slice(at + length)}`)
    if ('faults' in parsed) expect(parsed.faults.every(({ line, column }) => line >= 1 && column >= 1)).toBe(true)
  },
)

/** Steps that need some of those before them. */
const acyclic = fc
  .array(fc.array(fc.nat({ max: 11 }), { maxLength: 4 }), { minLength: 1, maxLength: 12 })
  .map((all) => all.map((needs, index) => needs.filter((need) => need < index).map((need) => `s${need}`)))
const chainOf = (needs: readonly (readonly string[])[]) =>
  steps(...needs.map((each, index) => `id: s${index}, agent: bob, needs: [${each.join(', ')}]`))

property.prop([acyclic])('steps that need only earlier ones have no circle', (needs) => {
  expect(faultsOf(chainOf(needs))).toEqual([])
})

property.prop([acyclic, fc.nat(), fc.nat()])('one need that closes a circle is found', (needs, from, to) => {
  const later = from % needs.length
  const earlier = to % (later + 1)
  const closed = needs.map((each, index) => {
    const chained = index > earlier && index <= later ? [...each, `s${index - 1}`] : each
    return index === earlier ? [...chained, `s${later}`] : chained
  })
  expect(faultsOf(chainOf(closed))).toEqual([expect.stringContaining('these steps wait for each other')])
})

test('the JSON Schema that is shipped is the one the parser holds', () => {
  const shipped = JSON.parse(readFileSync(join(import.meta.dirname, '../../schemas/chain.schema.json'), 'utf8'))
  // Written by scripts/chain-schema.ts.
  expect(shipped).toEqual(chainSchema())
})
