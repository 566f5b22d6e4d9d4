import { z } from 'zod'
import { Contact } from '../agent-card.ts'
import { toBase64url } from '../base64url.ts'
import { BasisPoints } from '../discovery.ts'
import { AgentId, AssignmentId, base64urlOf } from '../ids.ts'
import { ATTEMPTS_MAX, REVIEWERS_PER_TARGET_MAX } from '../limits.ts'
import { sha256 } from '../signing/bytes.ts'
import { ReviewRule } from '../task.ts'
import { Outcome } from '../verdict.ts'
import { ARTIFACTS_MAX, LockedArtifact, SealedArtifact } from './sealed-artifact.ts'
import { Check, Validators } from './validators.ts'

/** The longest private document, whether it fits a drop or travels as an artifact. */
export const DOCUMENT_BYTES_MAX = 8 * 1024 * 1024
/** How deep the JSON of a document may nest: what it carries is walked and printed by recursive code. */
const DEPTH_MAX = 128
const REASON_CHARS_MAX = 1000
const CHECKS_MAX = 1024

const v = z.literal(1)
/** SHA-256 of the document that is answered: two agents hold a signed chain they can show an arbiter. */
const ref = base64urlOf(32)
const attempt = z.int().min(1).max(ATTEMPTS_MAX)
const sealedArtifacts = z.array(SealedArtifact).min(1).max(ARTIFACTS_MAX)

/**
 * buyer → executor: what to do. `deliverTo` is one more agent that gets the work when it is released, beside the buyer. By `reviewers` and `reviewRule` the
 * executor can tell whether work that is said to have passed has passed.
 */
const OrderOffer = z.strictObject({
  v,
  assignmentId: AssignmentId,
  instructions: z.string(),
  artifacts: z.array(SealedArtifact).max(ARTIFACTS_MAX),
  validators: Validators,
  reviewers: z.array(AgentId).max(REVIEWERS_PER_TARGET_MAX),
  reviewRule: ReviewRule.optional(),
  deliverTo: Contact.optional(),
})
/** executor → buyer. */
const OrderAccept = z.strictObject({ v, assignmentId: AssignmentId, ref })
/** executor → buyer; without `ref` when there was no order that could be opened. */
const OrderDecline = z.strictObject({
  v,
  assignmentId: AssignmentId,
  ref: ref.optional(),
  reason: z.string().max(REASON_CHARS_MAX),
})
/** buyer → reviewer: how to judge. `assignmentId` is the review. `deliverTo` as in the order, for a reviewer that delivers in the executor's stead. */
const ReviewBrief = z.strictObject({
  v,
  assignmentId: AssignmentId,
  targetAssignmentId: AssignmentId,
  criteria: z.string(),
  validators: Validators,
  deliverTo: Contact.optional(),
})
/** executor → reviewers with the artifact keys, → buyer without them. */
const WorkReady = z.strictObject({
  v,
  assignmentId: AssignmentId,
  attempt,
  ref: ref.optional(),
  artifacts: z.union([sealedArtifacts, z.array(LockedArtifact).min(1).max(ARTIFACTS_MAX)]),
})
/** executor (or, in its stead, a reviewer) → buyer, once the work has passed. */
const WorkKey = z.strictObject({ v, assignmentId: AssignmentId, attempt, ref: ref.optional(), artifacts: sealedArtifacts })
/** buyer → executor: the attempt is taken as it is, without a verdict. `ref` is its `work.ready`, if that arrived. */
const WorkApprove = z.strictObject({ v, assignmentId: AssignmentId, attempt, ref: ref.optional() })
/** reviewer → buyer and executor. `work` says which bytes were judged, so that others cannot be delivered in their place. */
const ReviewReport = z.strictObject({
  v,
  assignmentId: AssignmentId,
  targetAssignmentId: AssignmentId,
  attempt,
  ref: ref.optional(),
  outcome: Outcome,
  scoreBps: BasisPoints,
  reason: z.string().max(REASON_CHARS_MAX).optional(),
  checks: z.array(Check).max(CHECKS_MAX),
  work: z.array(z.strictObject({ name: z.string(), sha256: base64urlOf(32) })).max(ARTIFACTS_MAX),
})
/** recipient → sender. */
const Receipt = z.strictObject({ v, ref, state: z.enum(['stored', 'opened', 'acted']) })
const MessageText = z.strictObject({ v, text: z.string().min(1), ref: ref.optional() })
/** Files between two agents outside any assignment. */
const HandoffFiles = z.strictObject({ v, artifacts: sealedArtifacts })

/** Every private document between agents, by its `typ`. */
export const documents = {
  'order.offer': OrderOffer,
  'order.accept': OrderAccept,
  'order.decline': OrderDecline,
  'review.brief': ReviewBrief,
  'work.ready': WorkReady,
  'work.key': WorkKey,
  'work.approve': WorkApprove,
  'review.report': ReviewReport,
  receipt: Receipt,
  'message.text': MessageText,
  'handoff.files': HandoffFiles,
} as const

export type DocumentTyp = keyof typeof documents
export type DocumentOf<T extends DocumentTyp> = z.infer<(typeof documents)[T]>

/** What a drop carries in the place of a document too long for it: the artifact that holds the document, under the same `typ`. */
const Spilled = z.strictObject({ spilled: SealedArtifact })

/** @returns whether a `typ` from a frame is one of ours. */
export function isDocumentTyp(typ: string): typ is DocumentTyp {
  return Object.hasOwn(documents, typ)
}

/**
 * Write a document as the bytes that are signed and sealed.
 *
 * @throws ZodError if it is not one that `readDocument` takes; RangeError above `DOCUMENT_BYTES_MAX`.
 */
export function writeDocument<T extends DocumentTyp>(typ: T, document: DocumentOf<T>): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(documents[typ].parse(document)))
  if (bytes.length > DOCUMENT_BYTES_MAX)
    throw new RangeError(`a document has at most ${DOCUMENT_BYTES_MAX} bytes, this one has ${bytes.length}`)
  return bytes
}

/** Read a document strictly. @returns `null` for anything that is not UTF-8 JSON of exactly the fields of its `typ`, nested at most 128 deep. */
export function readDocument<T extends DocumentTyp>(typ: T, bytes: Uint8Array): DocumentOf<T> | null {
  if (bytes.length > DOCUMENT_BYTES_MAX) return null
  return parse(documents[typ], bytes) as DocumentOf<T> | null
}

/** Write what a drop carries when the document itself travels as an artifact. */
export function writeSpilled(artifact: SealedArtifact): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(Spilled.parse({ spilled: artifact })))
}

/** @returns The artifact that holds the document, or `null` if these bytes are a document (or nothing we know). */
export function readSpilled(bytes: Uint8Array): SealedArtifact | null {
  return parse(Spilled, bytes)?.spilled ?? null
}

/** What `ref` says of a document: the SHA-256 of its bytes, base64url. For one that was spilled, of the document and not of its wrapping. */
export function documentHash(bytes: Uint8Array): string {
  return toBase64url(sha256(bytes))
}

function parse<S extends z.ZodType>(schema: S, bytes: Uint8Array): z.infer<S> | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (depthOf(text) > DEPTH_MAX) return null
    return schema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

/** The deepest nesting of brackets outside strings; says nothing about whether it is JSON. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') inString = !inString
    else if (inString) at += char === '\\' ? 1 : 0
    else if (char === '[' || char === '{') deepest = Math.max(deepest, ++depth)
    else if (char === ']' || char === '}') depth--
  }
  return deepest
}
