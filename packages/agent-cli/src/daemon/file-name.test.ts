import { basename, join, normalize } from 'node:path'
import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { FileNameError, safeFileName } from './file-name.ts'

describe('safeFileName', () => {
  test.each(['a', 'report v2 (final).json', '.hidden', 'naïve 文件 👩‍💻.txt', 'a..b', '-rf', 'x'.repeat(255)])(
    'takes %j',
    (name) => {
      expect(safeFileName(name)).toBe(name)
    },
  )

  const bad = [
    '',
    '.',
    '..',
    '..a',
    '../a',
    'a/b',
    '/',
    'a\\b',
    'a\nb',
    'a\0b',
    '\u007f',
    '\u0085',
    'a\u202egpj',
    '\ud800',
    'x'.repeat(256),
    'é'.repeat(128),
  ]
  test.each(bad)('refuses %j without repeating it', (name) => {
    expect(() => safeFileName(name)).toThrow(FileNameError)
    expect(() => safeFileName(name)).toThrow(/^a file name [a-z0-9 ]+$/i)
  })

  /** Anything, and often what leads elsewhere. */
  const unit = fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.constantFrom('.', '/', '\\', '\0', 'a'))
  test.prop([fc.string({ unit })])('what it takes stays a direct child of the directory it is joined to', (name) => {
    try {
      safeFileName(name)
    } catch {
      return
    }
    expect(normalize(join('/d', name))).toBe(`/d/${name}`)
    expect(basename(join('/d', name))).toBe(name)
  })
})
