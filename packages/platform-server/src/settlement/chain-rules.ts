import { sha256 } from '@agent-marketplace/protocol/signing'
import { type Entry, partiesOf } from './rules.ts'

/** The place of an entry: every agent's entries are one chain, so that agents who have nothing to do with each other never wait for each other. */
export interface Link {
  /** The agent whose money moves. */
  readonly chain: string
  /** 1 for the first entry of a chain, growing by one. */
  readonly seq: number
  /** Hash of the entry before it, 32 bytes; zeros for the first one. */
  readonly previousHash: Uint8Array
}

const LABEL = 'agent-marketplace/ledger-entry/1\n'

/** What the first entry of a chain names as the one before it: 32 zero bytes. */
export const NO_HASH = new Uint8Array(32)

/** @returns the chain an entry belongs to: that of the payer, or of the payee where the money comes from outside. */
export function chainOf({ postings }: Entry): string {
  const [owner] = partiesOf(postings)
  if (owner === undefined) throw new Error('an entry moves money of an agent')
  return owner
}

/** Hash an entry in its place. @returns SHA-256 over `entryBytes`, 32 bytes. */
export function hashEntry(entry: Entry, link: Link): Uint8Array {
  return sha256(entryBytes(entry, link))
}

/**
 * The bytes that the hash of an entry covers: a label, then UTF-8 JSON without white space of an array in this order.
 * Absent ids are `null`, hashes are hex, amounts are micro-credits in decimal.
 */
export function entryBytes(entry: Entry, { chain, seq, previousHash }: Link): Uint8Array {
  const { entryId, kind, holdId = null, settles = null, assignmentId = null, actor, atMs } = entry
  const postings = entry.postings.map(({ from, to, amountMicro }) => [from, to, amountMicro.toString()])
  const before = Buffer.from(previousHash).toString('hex')
  const fields = [chain, seq, before, entryId, kind, holdId, settles, assignmentId, actor, atMs, postings]
  return new TextEncoder().encode(LABEL + JSON.stringify(fields))
}

/** An entry as it is stored: with its place and its hash. */
export interface ChainedEntry extends Link {
  readonly entry: Entry
  readonly hash: Uint8Array
}

/**
 * Check an entry against the one before it in the list, which is ordered by chain and place.
 *
 * @returns what is wrong, in words for the operator; `undefined` if nothing is.
 */
export function findChainFault(before: ChainedEntry | undefined, { entry, hash, ...link }: ChainedEntry): string | undefined {
  const last = before?.chain === link.chain ? before : undefined
  const where = `chain ${link.chain}, entry ${link.seq}`
  if (link.seq !== (last?.seq ?? 0) + 1) return `${where}: the entry before it is missing`
  const [owner] = partiesOf(entry.postings)
  if (owner === undefined) return `${where}: it moves no money of an agent`
  if (owner !== link.chain) return `${where}: it belongs to another chain`
  if (!isSame(link.previousHash, last?.hash ?? NO_HASH)) return `${where}: it does not follow the entry before it`
  if (!isSame(hash, hashEntry(entry, link))) return `${where}: its content is not what was hashed`
  return undefined
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b)
}
