import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fc, test as property } from '@fast-check/vitest'
import { expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { createSealedLog, readSealedLog } from './sealed-log.ts'

const KEY = new Uint8Array(32).fill(7)
const texts = (read: ReturnType<typeof readSealedLog>) => read?.records.map((record) => Buffer.from(record).toString())

/** A log of these records that was ended, and what of it is on the disk. */
function written(path: string, records: readonly string[]): Buffer {
  const log = createSealedLog(path, KEY)
  for (const record of records) log.append(Buffer.from(record))
  log.end()
  return readFileSync(path)
}

test('a log is read while it is written, is whole once it was ended, and is open to nobody else', () => {
  using home = makeTestHome()
  const path = join(home.path, 'log')
  const log = createSealedLog(path, KEY)
  log.append(Buffer.from('one'))
  expect(readSealedLog(path, KEY)).toMatchObject({ isWhole: false })
  log.append(Buffer.from('two'))
  expect(texts(readSealedLog(path, KEY))).toEqual(['one', 'two'])
  log.end()
  expect(readSealedLog(path, KEY)).toMatchObject({ isWhole: true })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readSealedLog(join(home.path, 'none'), KEY)).toBeUndefined()
  expect(() => createSealedLog(path, KEY)).toThrow('EEXIST')
})

test('without its key it is noise', () => {
  using home = makeTestHome()
  const path = join(home.path, 'log')
  expect(written(path, ['a secret', 'a secret']).includes('secret')).toBe(false)
  expect(readSealedLog(path, new Uint8Array(32).fill(8))).toEqual({ records: [], isWhole: false })
})

property.prop([fc.array(fc.string({ maxLength: 20 }), { maxLength: 5 }), fc.nat(), fc.integer({ min: 1, max: 255 })], {
  numRuns: 30,
})('cut off or changed anywhere, it gives what came before and says that it is not whole', (records, place, change) => {
  using home = makeTestHome()
  const path = join(home.path, 'log')
  const bytes = written(path, records)
  expect(texts(readSealedLog(path, KEY))).toEqual(records)
  const at = place % bytes.length
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] ?? 0) ^ change
  for (const broken of [bytes.subarray(0, at), changed, Buffer.concat([bytes, Buffer.of(change)])]) {
    writeFileSync(path, broken)
    const read = readSealedLog(path, KEY)
    expect(read?.isWhole).toBe(false)
    expect(records.slice(0, read?.records.length)).toEqual(texts(read))
  }
})

test('what a process wrote before it was killed can be read', async () => {
  using home = makeTestHome()
  const path = join(home.path, 'log')
  const script = `
    const { createSealedLog } = await import(${JSON.stringify(join(import.meta.dirname, 'sealed-log.ts'))})
    const log = createSealedLog(${JSON.stringify(path)}, new Uint8Array(32).fill(7))
    for (let at = 0; ; at++) { log.append(Buffer.from(String(at))); if (at === 99) console.log('100') }`
  const writer = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', script])
  await once(writer.stdout, 'data')
  writer.kill('SIGKILL')
  await once(writer, 'exit')
  const read = readSealedLog(path, KEY)
  expect(read?.records.length).toBeGreaterThanOrEqual(100)
  expect(texts(read)).toEqual(Array.from({ length: read?.records.length ?? 0 }, (_, at) => String(at)))
  expect(read?.isWhole).toBe(false)
})
