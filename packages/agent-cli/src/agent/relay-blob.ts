import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import {
  CAP_BYTES,
  deriveDeleteHash,
  deriveSlotId,
  fromBase64url,
  RELAY_TTL_MS,
  type RelayTtl,
  SIZE_CLASSES,
  toBase64url,
} from '@agent-marketplace/protocol'
import { writePrivateFile } from '../private/files.ts'
import { connectRelay } from '../relay/connect-relay.ts'
import type { RelayClient, SlotUpload } from '../relay/relay-client.ts'
import { type AgentOptions, openAgent, openPlatform } from './agent.ts'
import { readSecret } from './argument.ts'
import { CliError, usage } from './cli-error.ts'
import { putSlot } from './spend-token.ts'
import { findTokenKey } from './token-keys.ts'

const LENGTH_BYTES = 4
const STDIN = '-'

/** The longest blob: the largest size class without the length in front of it. */
export const BLOB_BYTES_MAX = Math.max(...SIZE_CLASSES) - LENGTH_BYTES

/** Where secrets are looked for when no flag names them. */
const CAP_ENVIRONMENT = { read: 'AGENT_MARKETPLACE_READ_CAP', delete: 'AGENT_MARKETPLACE_DELETE_CAP' } as const

export interface StoredBlob {
  readonly slotId: string
  /** Both caps are secret: who has them may read, or delete. */
  readonly readCap: string
  readonly deleteCap: string
  /** The relay keeps it until then at least, and less than an hour longer. */
  readonly expiresAtMs: number
}

/**
 * Store bytes of another tool on the relay, under caps made for them. The relay sees the bytes: what is private must be sealed before.
 * Where the relay takes tokens it costs one of this agent's.
 *
 * @param file - A path, or `-` for stdin.
 * @throws CliError `usage` if the file cannot be read or is longer than `BLOB_BYTES_MAX`; `local_state` if a token is needed and there is no identity.
 */
export async function putBlob(options: AgentOptions, { file, ttl }: { file: string; ttl: RelayTtl }): Promise<StoredBlob> {
  const { now = Date.now } = options
  const body = padBlob(await readBytes(file))
  const readCap = randomBytes(CAP_BYTES)
  const deleteCap = randomBytes(CAP_BYTES)
  const slotId = deriveSlotId(readCap)
  const storedAtMs = now()
  const upload = { slotId, deleteHash: deriveDeleteHash(deleteCap), ttl, body }
  await withRelay(options, (relay) => putBody(options, relay, upload))
  return {
    slotId: toBase64url(slotId),
    readCap: toBase64url(readCap),
    deleteCap: toBase64url(deleteCap),
    expiresAtMs: storedAtMs + RELAY_TTL_MS[ttl],
  }
}

/**
 * Fetch what `putBlob` stored and write it to a file (0600).
 *
 * @param readCap - `@file` or `-`; `AGENT_MARKETPLACE_READ_CAP` if not given.
 * @throws CliError `not_found` if the relay does not have it; `bad_answer` if it is no blob.
 */
export async function getBlob(
  options: AgentOptions,
  { readCap, out }: { readCap: string | undefined; out: string },
): Promise<{ file: string; bytes: number }> {
  const cap = readCapArgument(readCap, 'read')
  const body = await withRelay(options, (relay) => relay.read(cap))
  if (!body) throw notThere()
  const bytes = unpadBlob(body)
  if (!bytes) throw new CliError('bad_answer', 'this slot was not filled by `relay put`')
  writePrivateFile(out, bytes)
  return { file: out, bytes: bytes.length }
}

/**
 * Delete a slot.
 *
 * @throws CliError `not_found` if there is none, or a cap is not the one of the slot.
 */
export async function deleteBlob(
  options: AgentOptions,
  { readCap, deleteCap }: { readCap: string | undefined; deleteCap: string | undefined },
): Promise<{ slotId: string; deleted: true }> {
  if (readCap === STDIN && deleteCap === STDIN) throw usage('only one of the caps can come from stdin')
  const caps = { readCap: readCapArgument(readCap, 'read'), deleteCap: readCapArgument(deleteCap, 'delete') }
  if (!(await withRelay(options, (relay) => relay.remove(caps)))) throw notThere()
  return { slotId: toBase64url(deriveSlotId(caps.readCap)), deleted: true }
}

/** `u32 length ‖ bytes ‖ zeros` up to the smallest size class that holds it. @throws CliError `usage` above `BLOB_BYTES_MAX`. */
export function padBlob(bytes: Uint8Array): Uint8Array {
  const size = SIZE_CLASSES.find((size) => size >= LENGTH_BYTES + bytes.length)
  if (size === undefined) throw tooLong()
  const body = Buffer.alloc(size)
  body.writeUInt32BE(bytes.length)
  body.set(bytes, LENGTH_BYTES)
  return new Uint8Array(body.buffer, body.byteOffset, size)
}

/** @returns the bytes that `padBlob` padded; `undefined` for a body it cannot have made. */
export function unpadBlob(body: Uint8Array): Uint8Array | undefined {
  const view = Buffer.from(body.buffer, body.byteOffset, body.length)
  const end = LENGTH_BYTES + view.readUInt32BE()
  const isOurs = end <= body.length && view.subarray(end).equals(Buffer.alloc(body.length - end))
  return isOurs && SIZE_CLASSES.find((size) => size >= end) === body.length ? body.subarray(LENGTH_BYTES, end) : undefined
}

/** An identity is needed only to draw tokens. */
async function putBody(options: AgentOptions, relay: RelayClient, upload: SlotUpload): Promise<void> {
  const { now = Date.now } = options
  if (!(await findTokenKey(relay, 'part', now()))) return relay.put(upload)
  const agent = openAgent(options)
  try {
    await putSlot(agent, relay, upload)
  } finally {
    agent.vault.close()
  }
}

async function withRelay<T>(options: AgentOptions, action: (relay: RelayClient) => Promise<T>): Promise<T> {
  const relay = await connectRelay(options, openPlatform(options))
  try {
    return await action(relay)
  } finally {
    await relay.close()
  }
}

function readCapArgument(argument: string | undefined, kind: keyof typeof CAP_ENVIRONMENT): Uint8Array {
  const name = CAP_ENVIRONMENT[kind]
  const text = argument === undefined ? process.env[name] : readSecret(argument, `the ${kind} cap`)
  if (!text) throw usage(`the ${kind} cap is missing`, `--${kind}-cap @file, --${kind}-cap -, or ${name}`)
  const cap = fromBase64url(text)
  if (cap?.length !== CAP_BYTES) throw usage(`the ${kind} cap is not ${CAP_BYTES} bytes in base64url`)
  return cap
}

async function readBytes(path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of path === STDIN ? process.stdin : chunksOf(path)) {
    bytes += chunk.length
    if (bytes > BLOB_BYTES_MAX) throw tooLong()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    // Without waiting, so that a pipe in place of a file is refused and not read.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!(await file.stat()).isFile()) throw usage(`${path} is not a plain file`, 'use - for stdin')
    yield* file.createReadStream({ autoClose: false })
  } catch (error) {
    if (error instanceof CliError || !(error instanceof Error && 'code' in error)) throw error
    throw usage(`cannot read ${path}: ${error.code === 'ENOENT' ? 'there is no such file' : String(error.code)}`)
  }
}

function tooLong(): CliError {
  return usage(`a blob has at most ${BLOB_BYTES_MAX} bytes`, '`handoff send` takes files of any size')
}

function notThere(): CliError {
  return new CliError('not_found', 'the relay has nothing under this cap', {
    hint: 'it may have expired, or have been deleted; or this is another relay',
  })
}
