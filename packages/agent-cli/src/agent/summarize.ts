import type { DocumentOf, DocumentTyp } from '@agent-marketplace/protocol/sealing'

const SUMMARY_CHARS_MAX = 80

type Files = readonly { readonly name: string }[]

const SUMMARIES: { readonly [T in DocumentTyp]: (document: DocumentOf<T>) => string } = {
  'order.offer': ({ assignmentId, instructions }) => `order for ${assignmentId}: ${instructions}`,
  'order.accept': ({ assignmentId }) => `order for ${assignmentId} accepted`,
  'order.decline': ({ assignmentId, reason }) => `order for ${assignmentId} declined: ${reason}`,
  'review.brief': ({ targetAssignmentId, criteria }) => `brief to review ${targetAssignmentId}: ${criteria}`,
  'work.ready': ({ assignmentId, attempt, artifacts }) => `work for ${assignmentId}, attempt ${attempt}: ${names(artifacts)}`,
  'work.key': ({ assignmentId, artifacts }) => `work for ${assignmentId} released: ${names(artifacts)}`,
  'work.approve': ({ assignmentId, attempt }) => `work for ${assignmentId}, attempt ${attempt}, approved`,
  'review.report': ({ targetAssignmentId, outcome, reason }) =>
    `report on ${targetAssignmentId}: ${outcome}${reason === undefined ? '' : `, ${reason}`}`,
  receipt: ({ state }) => `your message was ${state}`,
  'message.text': ({ text }) => text,
  'handoff.files': ({ artifacts }) => names(artifacts),
}

/** A line about a document, at most 80 characters, fit for a terminal. It says what the document says: as private as it is. */
export function summarize<T extends DocumentTyp>(typ: T, document: DocumentOf<T>): string {
  const line = SUMMARIES[typ](document)
    .slice(0, 10 * SUMMARY_CHARS_MAX)
    .replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\s]+/gu, ' ')
    .trim()
  return line.length <= SUMMARY_CHARS_MAX ? line : `${line.slice(0, SUMMARY_CHARS_MAX - 1).toWellFormed()}…`
}

function names(files: Files): string {
  return files.map(({ name }) => name).join(', ')
}
