import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { findAt, parsePointer } from './pointer.ts'

// The examples of RFC 6901, section 5.
const document = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'c%d': 2, 'e^f': 3, 'g|h': 4, 'i\\j': 5, 'k"l': 6, ' ': 7, 'm~n': 8 }
const find = (pointer: string, value: unknown = document) => findAt(value, parsePointer(pointer, 'p'))

describe('JSON pointers', () => {
  test.each([
    ['', document],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
  ])('%j', (pointer, expected) => {
    expect(find(pointer)).toEqual(expected)
  })

  test.each(['/foo/2', '/foo/-', '/foo/00', '/foo/01', '/foo/1e0', '/foo/length', '/foo/0/0', '/foo/0/length', '/bar'])(
    '%s finds nothing',
    (pointer) => {
      expect(find(pointer)).toBeUndefined()
    },
  )

  test.each(['/__proto__', '/constructor', '/toString', '/constructor/prototype', '/foo/__proto__', '/foo/0/constructor'])(
    '%s does not reach a prototype',
    (pointer) => {
      expect(find(pointer)).toBeUndefined()
    },
  )

  test('__proto__ is found where the document has it', () => {
    expect(find('/__proto__/x', JSON.parse('{"__proto__":{"x":1}}'))).toBe(1)
  })

  test.each(['foo', '#/foo', '/a~', '/a~2b', `/${'x'.repeat(1_000)}`, 5, null])('%j is refused', (pointer) => {
    expect(() => parsePointer(pointer, 'rules[0].pointer')).toThrow(/^rules\[0\]\.pointer: /)
  })

  test.prop([fc.array(fc.string({ maxLength: 20 }), { maxLength: 8 })])('reads back what was written', (segments) => {
    const written = segments.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
    expect(parsePointer(written, 'p')).toEqual(segments)
  })
})
