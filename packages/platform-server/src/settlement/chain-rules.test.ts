import { fc, it } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { type ChainedEntry, chainOf, entryBytes, findChainFault, hashEntry, NO_HASH } from './chain-rules.ts'
import { availableOf, type Entry, EXTERNAL, FEES, heldOf, move } from './rules.ts'

const deposit: Entry = {
  entryId: 'ent_1',
  kind: 'deposit',
  actor: 'buyer',
  atMs: 5,
  postings: [move(EXTERNAL, availableOf('buyer'), 7n)],
}
const capture: Entry = {
  entryId: 'ent_2',
  kind: 'capture',
  holdId: 'hold_1',
  settles: 'hold_1',
  assignmentId: 'asg_1',
  actor: 'platform',
  atMs: 6,
  postings: [move(heldOf('buyer'), availableOf('executor'), 3n), move(heldOf('buyer'), FEES, 1n)],
}

function chained(entries: readonly Entry[]): ChainedEntry[] {
  const list: ChainedEntry[] = []
  for (const [index, entry] of entries.entries()) {
    const link = { chain: chainOf(entry), seq: index + 1, previousHash: list.at(-1)?.hash ?? NO_HASH }
    list.push({ ...link, entry, hash: hashEntry(entry, link) })
  }
  return list
}

const faultsOf = (list: readonly ChainedEntry[]) =>
  list.map((each, index) => findChainFault(list[index - 1], each)).filter((each) => each !== undefined)

describe('the chain of an agent’s entries', () => {
  test('an entry belongs to the payer, one from outside to whom it credits', () => {
    expect([chainOf(deposit), chainOf(capture)]).toEqual(['buyer', 'buyer'])
  })

  test('the bytes under a hash are exactly these', () => {
    expect(new TextDecoder().decode(entryBytes(capture, { chain: 'buyer', seq: 2, previousHash: NO_HASH }))).toBe(
      `agent-marketplace/ledger-entry/1\n["buyer",2,"${'00'.repeat(32)}","ent_2","capture","hold_1","hold_1","asg_1","platform",6,[["held:buyer","available:executor","3"],["held:buyer","fees","1"]]]`,
    )
    expect(new TextDecoder().decode(entryBytes(deposit, { chain: 'buyer', seq: 1, previousHash: NO_HASH }))).toContain(
      '"deposit",null,null,null,"buyer",5,[["external","available:buyer","7"]]',
    )
  })

  test('a whole chain has no fault, and neither has one that starts after another', () => {
    const other = chained([{ ...deposit, entryId: 'ent_3', postings: [move(EXTERNAL, availableOf('executor'), 1n)] }])

    expect(faultsOf([...chained([deposit, capture]), ...other])).toEqual([])
  })

  const fields = ['entryId', 'kind', 'holdId', 'settles', 'assignmentId', 'actor'] as const
  it.prop([fc.constantFrom(...fields), fc.string({ minLength: 1 })])('no word of an entry can be changed', (field, value) => {
    const list = chained([deposit, capture])
    const [first, second] = list as [ChainedEntry, ChainedEntry]
    fc.pre(capture[field] !== value)

    expect(findChainFault(first, { ...second, entry: { ...capture, [field]: value } })).toMatch(/not what was hashed/)
  })

  test.for<[string, (list: [ChainedEntry, ChainedEntry]) => ChainedEntry[], RegExp]>([
    [
      'an amount',
      ([a, b]) => [a, { ...b, entry: { ...b.entry, postings: [move(heldOf('buyer'), availableOf('executor'), 4n)] } }],
      /hashed/,
    ],
    ['a time', ([a, b]) => [{ ...a, entry: { ...a.entry, atMs: 6 } }, b], /hashed/],
    ['the first entry gone', ([, b]) => [b], /entry before it is missing/],
    ['an entry twice', ([a, b]) => [a, b, b], /entry before it is missing/],
    ['another entry before it', ([a, b]) => [{ ...a, hash: new Uint8Array(32).fill(1) }, b], /hashed/],
    ['a link to nothing', ([a, b]) => [a, { ...b, previousHash: NO_HASH }], /does not follow/],
    ['a strange chain', ([a]) => [{ ...a, chain: 'other' }], /another chain/],
  ])('seen: %s', ([, spoil, fault]) => {
    const [first] = faultsOf(spoil(chained([deposit, capture]) as [ChainedEntry, ChainedEntry]))

    expect(first).toMatch(fault)
  })
})
