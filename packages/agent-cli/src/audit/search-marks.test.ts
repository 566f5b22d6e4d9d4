import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { marksFrom, searchMarks } from './search-marks.ts'

const mark = { from: 'input', text: 'ada.lovelace@example.org' }

function search(files: Record<string, string | Uint8Array>) {
  const directory = mkdtempSync(join(tmpdir(), 'canary-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true })
    writeFileSync(join(directory, name), content)
  }
  return searchMarks([directory], [mark])
}

test.each([
  ['raw', (text: string) => Buffer.from(text)],
  ['hex', (text: string) => Buffer.from(Buffer.from(text).toString('hex'))],
  ['base64', (text: string) => Buffer.from(Buffer.from(text).toString('base64'))],
  ['base64url', (text: string) => Buffer.from(Buffer.from(text).toString('base64url'))],
  ['utf-16le', (text: string) => Buffer.from(text, 'utf16le')],
  ['utf-16be', (text: string) => Buffer.from(text, 'utf16le').swap16()],
])('the search finds a mark written as %s, wherever it stands', (form, write) => {
  for (const before of ['', '>', 'ab', 'the address is ']) {
    const { hits } = search({ 'deep/inside/blob': Buffer.concat([Buffer.alloc(100), write(`${before}${mark.text} and more`)]) })
    expect(hits.map((hit) => hit.form)).toContain(form)
  }
})

test('the search finds a mark in the name of a file', () => {
  expect(search({ [`${mark.text}.json`]: 'nothing' }).hits).toMatchObject([{ form: 'raw' }])
})

test('the search finds nothing where there is nothing, and says how much it read', () => {
  expect(search({ one: 'a'.repeat(1000), 'two/three': 'b'.repeat(500) })).toMatchObject({ files: 2, bytes: 1500, hits: [] })
})

test('marks are taken from all of a text', () => {
  const text = Array.from({ length: 1000 }, (_, index) => `wordnumber${index}`).join(' ')
  const marks = marksFrom('input', text, 10)
  expect(marks).toHaveLength(10)
  expect(marks.at(-1)?.text).toMatch(/^wordnumber[89]\d\d$/)
})
