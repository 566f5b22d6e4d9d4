import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { openTokenSecret, TOKEN_SECRET_FILE } from './token-secret.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'token-secret-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
})

const path = () => join(directory, TOKEN_SECRET_FILE)

test('the secret is made once, for nobody else to read, and stays the same', () => {
  const secret = openTokenSecret(directory)

  expect(secret).toHaveLength(32)
  expect(openTokenSecret(directory)).toEqual(secret)
  expect(statSync(path()).mode & 0o777).toBe(0o600)
  expect(readdirSync(directory)).toEqual([TOKEN_SECRET_FILE])
  expect(new Uint8Array(readFileSync(path()))).toEqual(secret)
})

test('one that others can read is refused', () => {
  openTokenSecret(directory)
  chmodSync(path(), 0o640)
  expect(() => openTokenSecret(directory)).toThrow(/open to other users/)
})

test('a file that is none is refused and stays as it was', () => {
  writeFileSync(path(), 'short', { mode: 0o600 })
  expect(() => openTokenSecret(directory)).toThrow(/not a secret of 32 bytes/)
  expect(readFileSync(path(), 'utf8')).toBe('short')
})
