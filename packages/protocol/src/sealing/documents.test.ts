import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toBase64url } from '../base64url.ts'
import { planArtifact } from './artifact-plan.ts'
import {
  DOCUMENT_BYTES_MAX,
  type DocumentOf,
  type DocumentTyp,
  documentHash,
  documents,
  isDocumentTyp,
  readDocument,
  readSpilled,
  writeDocument,
  writeSpilled,
} from './documents.ts'
import { lockArtifacts, type SealedArtifact } from './sealed-artifact.ts'

const utf8 = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const hash = documentHash(utf8('x'))
const assignmentId = `asg_${'0'.repeat(26)}`
const targetAssignmentId = `asg_${'1'.repeat(26)}`

function artifact(bytes = 70_000): SealedArtifact {
  const { partBytes, parts } = planArtifact(bytes)
  return {
    K: toBase64url(new Uint8Array(32)),
    partBytes,
    parts,
    bytes,
    name: 'a.txt',
    mediaType: 'text/plain',
    sha256: hash,
    expiresAtMs: 1,
  }
}

const examples: { [T in DocumentTyp]: DocumentOf<T> } = {
  'order.offer': {
    v: 1,
    assignmentId,
    instructions: 'Count.',
    artifacts: [artifact()],
    validators: { schema: { type: 'array' } },
    reviewers: ['rita'],
    reviewRule: 'majority',
  },
  'order.accept': { v: 1, assignmentId, ref: hash },
  'order.decline': { v: 1, assignmentId, reason: 'the command failed' },
  'review.brief': { v: 1, assignmentId, targetAssignmentId, criteria: 'Count.', validators: {} },
  'work.ready': { v: 1, assignmentId, attempt: 1, artifacts: lockArtifacts([artifact()]) },
  'work.key': { v: 1, assignmentId, attempt: 1, artifacts: [artifact()] },
  'work.approve': { v: 1, assignmentId, attempt: 1, ref: hash },
  'review.report': {
    v: 1,
    assignmentId,
    targetAssignmentId,
    attempt: 1,
    outcome: 'passed',
    scoreBps: 10_000,
    checks: [],
    work: [{ name: 'a.txt', sha256: hash }],
  },
  receipt: { v: 1, ref: hash, state: 'opened' },
  'message.text': { v: 1, text: 'hello' },
  'handoff.files': { v: 1, artifacts: [artifact()] },
}
const typs = Object.keys(examples) as DocumentTyp[]

describe.each(typs)('a document of typ %s', (typ) => {
  test('is read as it was written', () => {
    expect(readDocument(typ, writeDocument(typ, examples[typ]))).toEqual(examples[typ])
  })

  test('is refused with a field it does not have, or without one of its own', () => {
    expect(readDocument(typ, utf8({ ...examples[typ], metadata: 1 }))).toBeNull()
    for (const field of Object.keys(examples[typ])) {
      const { [field as never]: _, ...rest } = examples[typ]
      const isOptional = documents[typ].safeParse(rest).success
      expect(readDocument(typ, utf8(rest)) === null, field).toBe(!isOptional)
    }
    expect(readDocument(typ, utf8({ ...examples[typ], v: 2 }))).toBeNull()
  })

  test('is never read as another one', () => {
    const others = typs.filter((other) => other !== typ && readDocument(other, writeDocument(typ, examples[typ])) !== null)
    // work.key has the fields of work.ready with its keys; the signed typ tells them apart.
    expect(others).toEqual(typ === 'work.key' ? ['work.ready'] : [])
  })
})

test('the work of a reviewer carries keys, that of a buyer does not, and half of each is refused', () => {
  const keyed = { ...examples['work.ready'], artifacts: [artifact()] }
  expect(readDocument('work.ready', utf8(keyed))?.artifacts[0]).toHaveProperty('K')
  expect(readDocument('work.ready', utf8({ ...keyed, artifacts: [artifact(), ...lockArtifacts([artifact()])] }))).toBeNull()
  expect(readDocument('work.key', utf8({ ...examples['work.key'], artifacts: lockArtifacts([artifact()]) }))).toBeNull()
})

test('an artifact is refused unless its parts are the ones its size makes', () => {
  for (const wrong of [{ parts: 2 ** 31 }, { partBytes: 16_384, parts: 5 }, { bytes: 2 ** 53 }, { K: 'short' }, { name: '' }]) {
    const document = { ...examples['handoff.files'], artifacts: [{ ...artifact(), ...wrong }] }
    expect(readDocument('handoff.files', utf8(document)), JSON.stringify(wrong)).toBeNull()
  }
})

test('what is not one JSON document in UTF-8 is refused, not thrown', () => {
  const nested = `{"v":1,"assignmentId":"${assignmentId}","targetAssignmentId":"${targetAssignmentId}","criteria":"","validators":{"schema":${'['.repeat(200)}${']'.repeat(200)}}}`
  for (const bad of ['', 'null', '[]', '{"v":1', '\ufeff{"v":1,"text":"a"}', '{"v":1,"text":"a"} x', '['.repeat(1_000_000)]) {
    expect(readDocument('message.text', utf8(bad))).toBeNull()
  }
  expect(readDocument('review.brief', utf8(nested))).toBeNull()
  expect(readDocument('message.text', Uint8Array.of(...utf8('{"v":1,"text":"'), 0xff, ...utf8('"}')))).toBeNull()
  expect(readDocument('message.text', new Uint8Array(DOCUMENT_BYTES_MAX + 1).fill(32))).toBeNull()
  expect(() => writeDocument('message.text', { v: 1, text: 'a'.repeat(DOCUMENT_BYTES_MAX) })).toThrow(RangeError)
})

test('brackets inside strings do not count as nesting', () => {
  const text = `${'['.repeat(500)}\\"{{`
  expect(readDocument('message.text', writeDocument('message.text', { v: 1, text }))).toEqual({ v: 1, text })
})

test('noise is no document, whatever JSON it is', () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 200, size: 'max' }),
    fc.json().map((text) => utf8(text)),
  )
  fc.assert(
    fc.property(fc.constantFrom(...typs), noise, (typ, bytes) => {
      expect(readDocument(typ, bytes)).toBeNull()
      expect(readSpilled(bytes)).toBeNull()
    }),
  )
})

test('a document with a byte changed is a document that can be written, or null', () => {
  let read = 0
  fc.assert(
    fc.property(fc.constantFrom(...typs), fc.nat(9_999), fc.integer({ min: 1, max: 255 }), (typ, at, mask) => {
      const bytes = writeDocument(typ, examples[typ])
      const place = Math.floor((at / 10_000) * bytes.length)
      bytes[place] = (bytes[place] ?? 0) ^ mask
      const document = readDocument(typ, bytes)
      if (document === null) return
      read++
      expect(readDocument(typ, writeDocument(typ, document))).toEqual(document)
    }),
    { numRuns: 1_000 },
  )
  // A tenth of them: texts, hashes and numbers may be others.
  expect(read).toBeGreaterThan(10)
})

test('a spilled document is told from a document and from nothing', () => {
  expect(readSpilled(writeSpilled(artifact()))).toEqual(artifact())
  expect(readSpilled(writeDocument('message.text', examples['message.text']))).toBeNull()
  for (const typ of typs) expect(readDocument(typ, writeSpilled(artifact()))).toBeNull()
})

test('only the names of the table are typs', () => {
  expect(typs.every(isDocumentTyp)).toBe(true)
  expect(['toString', '__proto__', 'order', 'order.offer2'].some(isDocumentTyp)).toBe(false)
})
