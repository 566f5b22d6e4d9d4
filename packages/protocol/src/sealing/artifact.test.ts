import { createCipheriv } from 'node:crypto'
import { fc, it } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import vectors from '../../vectors/artifact.json' with { type: 'json' }
import { SIZE_CLASSES } from '../limits.ts'
import { sha256 } from '../signing/index.ts'
import { derivePart, generateArtifactKey, openArtifactPart, sealArtifactPart } from './artifact.ts'
import { partRange, planArtifact } from './artifact-plan.ts'
import { sealStream } from './stream.ts'

const MIB = 1_048_576
const SEGMENT_BYTES = 65_536
const SEALED_SEGMENT_BYTES = 65_552

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')
const patternByte = (i: number) => (31 * i + 7 * Math.floor(i / 256)) % 256
const pattern = (start: number, end: number) => Uint8Array.from({ length: end - start }, (_, i) => patternByte(start + i))
const artifactKey = bytes(vectors.artifactKey)

describe('the artifact vectors', () => {
  test.for(vectors.derived.cases)('derive part $index', ({ index, ...expected }) => {
    const { readCap, deleteCap, key, slotId, deleteHash } = derivePart(artifactKey, index)

    expect({
      readCap: hex(readCap),
      deleteCap: hex(deleteCap),
      key: hex(key),
      slotId: hex(slotId),
      deleteHash: hex(deleteHash),
    }).toEqual(expected)
  })

  test.for(vectors.good)('seal part $index of $bytes bytes, and open it', ({ bytes: length, index, start, end, bodySha256 }) => {
    const plan = planArtifact(length)
    const data = pattern(start, end)
    const { body } = sealArtifactPart({ artifactKey, plan, index, data })

    expect(partRange(plan, index)).toEqual({ start, end })
    expect(hex(sha256(body))).toBe(bodySha256)
    expect(openArtifactPart({ artifactKey, plan, index, body })).toEqual(data)
  })

  test.for(vectors.bad.cases)('do not open: $name ($reason)', ({ index, change, bodySha256 }) => {
    const body = changePart(change)

    expect(hex(sha256(body))).toBe(bodySha256)
    expect(openArtifactPart({ artifactKey, plan: planArtifact(vectors.bad.bytes), index, body })).toBeNull()
  })
})

describe('any artifact', () => {
  const edges = SIZE_CLASSES.slice(0, 4).flatMap((size) => {
    const dataBytes = planArtifact(size - 16 * Math.ceil(size / SEALED_SEGMENT_BYTES)).dataBytes
    return [size, 4 * size, dataBytes, 4 * dataBytes].flatMap((edge) => [edge - 1, edge, edge + 1])
  })

  it.prop([fc.oneof(fc.constantFrom(0, 1, ...edges), fc.nat({ max: 3 * MIB }))], { numRuns: 40 })(
    'comes back from its parts, each exactly its size class',
    (length) => {
      expect(roundTrip(length)).toEqual(new Set([planArtifact(length).partBytes]))
    },
  )

  test('of 17 MiB comes back from five parts of 4 MiB', () => {
    expect(planArtifact(17 * MIB).parts).toBe(5)
    expect(roundTrip(17 * MIB)).toEqual(new Set([4 * MIB]))
  })

  test('has dummy parts that look and open like any other, with nothing in them', () => {
    const plan = planArtifact(9 * 4_193_280)
    const { body } = sealArtifactPart({ artifactKey, plan, index: 9, data: new Uint8Array(0) })

    expect(body.length).toBe(4 * MIB)
    expect(openArtifactPart({ artifactKey, plan, index: 9, body })).toEqual(new Uint8Array(0))
  })

  test('is sealed the same way again, so that an interrupted upload can be resumed', () => {
    const part = { artifactKey, plan: planArtifact(10), index: 0, data: new Uint8Array(10) }

    expect(sealArtifactPart(part)).toEqual(sealArtifactPart(part))
  })

  const plan = planArtifact(100_000)
  const { body } = sealArtifactPart({ artifactKey, plan, index: 0, data: pattern(0, plan.dataBytes) })
  it.prop([fc.nat({ max: plan.partBytes - 1 }), fc.integer({ min: 1, max: 255 })])(
    'does not open with one byte changed',
    (at, mask) => {
      const changed = new Uint8Array(body)
      changed[at] = (changed[at] ?? 0) ^ mask

      expect(openArtifactPart({ artifactKey, plan, index: 0, body: changed })).toBeNull()
    },
  )

  test('does not open under another key, as another part, or under another plan', () => {
    expect(openArtifactPart({ artifactKey: generateArtifactKey(), plan, index: 0, body })).toBeNull()
    expect(openArtifactPart({ artifactKey, plan, index: 1, body })).toBeNull()
    expect(openArtifactPart({ artifactKey, plan: planArtifact(10), index: 0, body })).toBeNull()
    expect(openArtifactPart({ artifactKey, plan: planArtifact(65_500), index: 0, body })).toBeNull()
  })

  test('refuses to seal a part of another length than planned, and a part that is not planned', () => {
    const short = new Uint8Array(plan.dataBytes - 1)

    expect(() => sealArtifactPart({ artifactKey, plan, index: 0, data: short })).toThrow(RangeError)
    expect(() => sealArtifactPart({ artifactKey, plan, index: plan.parts, data: new Uint8Array(0) })).toThrow(RangeError)
    expect(() => derivePart(artifactKey, 2 ** 32)).toThrow(RangeError)
  })
})

/** Seal and open every part and compare; @returns the lengths the bodies had. */
function roundTrip(length: number): Set<number> {
  const plan = planArtifact(length)
  const key = generateArtifactKey()
  const lengths = new Set<number>()
  for (let index = 0; index < plan.parts; index++) {
    const { start, end } = partRange(plan, index)
    const data = pattern(start, end)
    const { body } = sealArtifactPart({ artifactKey: key, plan, index, data })
    const opened = openArtifactPart({ artifactKey: key, plan, index, body })
    expect(opened !== null && Buffer.compare(opened, data) === 0).toBe(true)
    lengths.add(body.length)
  }
  return lengths
}

type Change = {
  flip?: number
  truncate?: number
  append?: number
  swapSegments?: number[]
  copySegment?: { from: number; to: number }
  flags?: number[]
  plaintextBytes?: number
  padding?: { offset: number; byte: string }
}

/** Apply the change a bad vector describes to part 0, or to part 1 where it changes the padding. */
function changePart({ flip, truncate, append, swapSegments, copySegment, flags, plaintextBytes, padding }: Change): Uint8Array {
  const plan = planArtifact(vectors.bad.bytes)
  const data = pattern(0, plan.dataBytes)
  const { key, body } = sealArtifactPart({ artifactKey, plan, index: 0, data })
  const segment = (i = 0) => body.slice(i * SEALED_SEGMENT_BYTES, (i + 1) * SEALED_SEGMENT_BYTES)
  const changed = new Uint8Array(body)

  if (flip !== undefined) changed[flip] = (changed[flip] ?? 0) ^ 1
  if (truncate !== undefined) return body.subarray(0, truncate)
  if (append !== undefined) return Buffer.concat([body, new Uint8Array(append)])
  if (flags !== undefined) return sealWithFlags(key, data, flags)
  if (plaintextBytes !== undefined) return sealStream(key, pattern(0, plaintextBytes))
  if (copySegment !== undefined) changed.set(segment(copySegment.from), copySegment.to * SEALED_SEGMENT_BYTES)
  if (swapSegments !== undefined) {
    const [a = 0, b = 0] = swapSegments
    changed.set(segment(a), b * SEALED_SEGMENT_BYTES)
    changed.set(segment(b), a * SEALED_SEGMENT_BYTES)
  }
  if (padding !== undefined) {
    const padded = new Uint8Array(plan.dataBytes)
    padded.set(pattern(plan.dataBytes, vectors.bad.bytes))
    padded.set(bytes(padding.byte), padding.offset)
    return sealStream(derivePart(artifactKey, 1).key, padded)
  }
  return changed
}

function sealWithFlags(key: Uint8Array, data: Uint8Array, flags: number[]): Uint8Array {
  const segments = flags.map((flag, i) => {
    const nonce = Buffer.alloc(12)
    nonce.writeUInt32BE(i, 7)
    nonce[11] = flag
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
    const sealed = cipher.update(data.subarray(i * SEGMENT_BYTES, (i + 1) * SEGMENT_BYTES))
    cipher.final()
    return Buffer.concat([sealed, cipher.getAuthTag()])
  })
  return Buffer.concat(segments)
}
