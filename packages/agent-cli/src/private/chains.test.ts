import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ChainDocument } from '../chain/chain-document.ts'
import { makeTestHome } from '../test-home.ts'
import { acquireChain, createChain, isChainOwned, listChains, readChain } from './chains.ts'

let home: ReturnType<typeof makeTestHome>
beforeEach(() => {
  home = makeTestHome()
})
afterEach(() => home[Symbol.dispose]())

const chainId = `chn_${'a'.repeat(20)}`
function makeChain(change: Partial<ChainDocument> = {}): ChainDocument {
  return {
    version: 1,
    chainId,
    agentId: 'buyer',
    server: 'http://127.0.0.1:1',
    file: '/chain.yaml',
    out: '/out',
    createdAtMs: 1,
    state: 'running',
    steps: [],
    ...change,
  }
}
const pathOf = (name: string) => join(home.path, 'chains', name)

test('a chain is one document of mode 0600 in a directory of mode 0700, whatever the umask', () => {
  const before = process.umask(0)
  createChain(home.path, makeChain()).release()
  process.umask(before)
  expect(statSync(pathOf('')).mode & 0o777).toBe(0o700)
  for (const name of readdirSync(pathOf(''))) expect(statSync(pathOf(name)).mode & 0o777).toBe(0o600)
  expect(readChain(home.path, chainId)).toEqual(makeChain())
})

test('what was saved is there when it is read again, and nothing else is left behind', () => {
  const owned = createChain(home.path, makeChain())
  owned.save({ ...owned.document, state: 'done' })
  expect(readChain(home.path, chainId)?.state).toBe('done')
  owned.release()
  expect(readdirSync(pathOf('')).sort()).toEqual([`${chainId}.json`, `${chainId}.lock`])
})

test('a save that fails leaves the old document, on disk and in hand', () => {
  const owned = createChain(home.path, makeChain())
  const written = readFileSync(pathOf(`${chainId}.json`))
  const circular = makeChain() as ChainDocument & { self?: object }
  circular.self = circular
  expect(() => owned.save(circular)).toThrow()
  expect(owned.document).toEqual(makeChain())
  expect(readFileSync(pathOf(`${chainId}.json`))).toEqual(written)
  owned.release()
})

test('one process has a chain at a time, and another may look at it', () => {
  const owned = createChain(home.path, makeChain())
  expect(acquireChain(home.path, chainId)).toBe('owned')
  expect(isChainOwned(home.path, chainId)).toBe(true)
  expect(readChain(home.path, chainId)).toEqual(makeChain())
  owned.release()
  expect(isChainOwned(home.path, chainId)).toBe(false)
  const again = acquireChain(home.path, chainId)
  expect(again).toMatchObject({ document: makeChain() })
  if (typeof again === 'object') again.release()
})

test.each(['', 'chn_', `chn_${'A'.repeat(20)}`, '../chains/x', `${chainId}.json`, `chn_${'b'.repeat(20)}`])(
  'there is no chain %j, and nothing is made of asking for it',
  (id) => {
    expect(readChain(home.path, id)).toBeUndefined()
    expect(acquireChain(home.path, id)).toBeUndefined()
    expect(readdirSync(home.path)).toEqual([])
  },
)

test.each([
  ['cut off', '{"version":1,"chainId"', 'is damaged'],
  ['not JSON', 'chain', 'is damaged'],
  ['another thing', '[]', 'is not a chain'],
  ['of a newer version', JSON.stringify({ ...makeChain(), version: 2 }), 'another version'],
  ['with a field too many', JSON.stringify({ ...makeChain(), more: 1 }), 'is not a chain'],
])('a document that is %s is refused as local state, and stays as it is', (_, text, said) => {
  createChain(home.path, makeChain()).release()
  writeFileSync(pathOf(`${chainId}.json`), text)
  const expected = expect.objectContaining({ code: 'local_state', message: expect.stringContaining(said) })
  expect(() => readChain(home.path, chainId)).toThrow(expected)
  expect(() => acquireChain(home.path, chainId)).toThrow(expected)
  expect(() => listChains(home.path)).toThrow(expected)
  expect(readFileSync(pathOf(`${chainId}.json`), 'utf8')).toBe(text)
})

test('a document others can read is refused', () => {
  createChain(home.path, makeChain()).release()
  chmodSync(pathOf(`${chainId}.json`), 0o644)
  expect(() => readChain(home.path, chainId)).toThrow(expect.objectContaining({ code: 'local_state' }))
})

test('chains are listed, the newest first; what else lies there is none', () => {
  expect(listChains(home.path)).toEqual([])
  for (const [at, letter] of ['a', 'b', 'c'].entries())
    createChain(home.path, makeChain({ chainId: `chn_${letter.repeat(20)}`, createdAtMs: at })).release()
  rmSync(pathOf(`chn_${'b'.repeat(20)}.json`))
  writeFileSync(pathOf('notes.json'), 'x')
  expect(listChains(home.path).map((chain) => chain.chainId)).toEqual([`chn_${'c'.repeat(20)}`, `chn_${'a'.repeat(20)}`])
})
