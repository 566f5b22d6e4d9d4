import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BriefError } from './brief-error.ts'
import { parseTestSuite, readTestSuite, SUITE_BYTES_MAX } from './test-suite.ts'

let directory: string
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'test-suite-test-'))
  await writeFile(join(directory, 'run'), '#!/bin/sh\n', { mode: 0o755 })
})
afterEach(() => rmSync(directory, { recursive: true }))

describe('readTestSuite', () => {
  test('packs the files of a directory, nested ones too, sorted', async () => {
    await mkdir(join(directory, 'cases'))
    await writeFile(join(directory, 'cases', '1.txt'), 'one')
    expect(await readTestSuite(directory)).toEqual({
      files: [
        { name: 'cases/1.txt', contentBase64: 'b25l' },
        { name: 'run', contentBase64: 'IyEvYmluL3NoCg==' },
      ],
      command: ['./run'],
    })
  })

  const bad: [what: string, change: () => unknown, message: RegExp][] = [
    ['without run', () => rmSync(join(directory, 'run')), /no file "run"/],
    ['whose run may not be executed', () => chmod(join(directory, 'run'), 0o644), /not executable/],
    ['with a link', () => symlink('/etc/passwd', join(directory, 'l')), /not a plain file/],
    ['with a pipe', () => execFileSync('mkfifo', [join(directory, 'p')]), /not a plain file/],
    ['that is too large', () => writeFile(join(directory, 'big'), Buffer.alloc(SUITE_BYTES_MAX)), /more than 1048576 bytes/],
    [
      'with too many files',
      () => Promise.all(Array.from({ length: 64 }, (_, i) => writeFile(join(directory, `f${i}`), ''))),
      /more than 64 files/,
    ],
    ['with an unsafe name', () => writeFile(join(directory, 'a\nb'), ''), /control characters/],
  ]
  test.each(bad)('refuses a directory %s', async (_what, change, message) => {
    await change()
    await expect(readTestSuite(directory)).rejects.toThrow(BriefError)
    await expect(readTestSuite(directory)).rejects.toThrow(message)
  })
})

describe('parseTestSuite', () => {
  const file = { name: 'run', contentBase64: '' }
  const good = { files: [file], command: ['./run'], timeoutMs: 1_000 }

  test('takes what readTestSuite makes', () => expect(parseTestSuite(good)).toEqual(good))

  const bad: [input: unknown, path: string][] = [
    [null, 'tests'],
    [{ ...good, env: {} }, 'tests'],
    [{ ...good, files: [] }, 'tests.files'],
    [{ ...good, files: [file, file] }, 'tests.files'],
    [{ ...good, files: [{ name: 'x', contentBase64: 'A'.repeat(2 ** 21) }] }, 'tests.files'],
    [{ ...good, files: [{ ...file, mode: 1 }] }, 'tests.files[0]'],
    [{ ...good, files: [{ name: 'x', contentBase64: '*' }] }, 'tests.files[0]'],
    ...['../run', '/run', 'a/../../b', 'a//b', '', '.', 'a/b/c/d/e/f/g/h/i'].map((name): [unknown, string] => [
      { ...good, files: [{ name, contentBase64: '' }] },
      'tests.files[0].name',
    ]),
    [{ ...good, command: './run' }, 'tests.command'],
    [{ ...good, command: [] }, 'tests.command'],
    [{ ...good, command: ['a\0b'] }, 'tests.command'],
    [{ ...good, timeoutMs: 0 }, 'tests.timeoutMs'],
    [{ ...good, timeoutMs: 1e9 }, 'tests.timeoutMs'],
    [{ ...good, timeoutMs: '1' }, 'tests.timeoutMs'],
  ]
  test.each(bad.map(([input, path]) => [path, input] as const))('refuses at %s', (path, input) => {
    const parse = () => parseTestSuite(input)
    expect(parse).toThrow(BriefError)
    expect(parse).toThrow(`${path}: `)
  })
})
