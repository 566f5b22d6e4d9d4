import { createHash } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { areSameContents, contentsSha256 } from './work-contents.ts'

const hashOf = (text: string) => createHash('sha256').update(text)
const file = (name: string, text: string) => ({ name, sha256: hashOf(text).digest('base64url') })
const files = fc.uniqueArray(fc.record({ name: fc.string({ minLength: 1 }), text: fc.string() }), {
  selector: ({ name }) => name,
  minLength: 1,
  maxLength: 5,
})

test.prop([files, fc.infiniteStream(fc.nat())])(
  'the order of files does not matter, their names and contents do',
  (contents, dice) => {
    const listed = contents.map(({ name, text }) => file(name, text))
    const shuffled = listed
      .map((each) => ({ each, at: dice.next().value }))
      .sort((a, b) => a.at - b.at)
      .map(({ each }) => each)
    expect(areSameContents(listed, shuffled)).toBe(true)
    expect(contentsSha256(shuffled)).toBe(contentsSha256(listed))

    const [first, ...rest] = contents
    const others = [
      [file(first!.name, `${first!.text}.`), ...rest],
      [file(`${first!.name}.`, first!.text), ...rest],
      listed.slice(1),
    ]
    for (const other of others) {
      const changed = other.map((each) => ('text' in each ? file(each.name, each.text) : each))
      expect(areSameContents(listed, changed)).toBe(false)
    }
  },
)

test('the hash of one file is its own, that of several the one sha256sum would give for its own lines', () => {
  expect(contentsSha256([file('a', 'x')])).toBe(hashOf('x').digest('hex'))
  const lines = `${hashOf('x').digest('hex')}  a\n${hashOf('y').digest('hex')}  b\n`
  expect(contentsSha256([file('b', 'y'), file('a', 'x')])).toBe(hashOf(lines).digest('hex'))
})
