import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type OpenedSession, type SessionProof, sessionProofBytes, toBase64url } from '@agent-marketplace/protocol'
import { sha256, sign } from '@agent-marketplace/protocol/signing'
import { readPrivateFile, removePrivateFile, writePrivateFile } from '../private/files.ts'
import type { Keyring } from '../private/keyring.ts'

/** A token that would lapse on its way is not used any more. */
const MARGIN_MS = 30_000
const NONCE_BYTES = 16

/** The session of one agent with one server. */
export interface Session {
  /** A token that is good for now, from memory, from disk or by a new proof. */
  token(): Promise<string>
  /** Forget the token: the server no longer knows it. */
  drop(): void
}

interface SessionOptions {
  readonly agentId: string
  /** The identity to prove, as it is when a session is opened: its key may have changed since. */
  readonly identity: () => Promise<Pick<Keyring, 'agentId' | 'signKey'>>
  /** The origin the user named. A token made for it is stored under it and sent nowhere else. */
  readonly origin: string
  /** The profile's directory. */
  readonly directory: string
  readonly now: () => number
  readonly open: (proof: SessionProof) => Promise<OpenedSession>
}

/**
 * Prove possession of the identity key towards one server. `audience` is the origin the user named, so a server that passes the proof on
 * gains nothing: another one refuses it.
 */
export function proveIdentity(keyring: Pick<Keyring, 'agentId' | 'signKey'>, origin: string, nowMs: number): SessionProof {
  const unsigned = {
    agentId: keyring.agentId,
    audience: origin,
    issuedAtMs: nowMs,
    nonce: toBase64url(randomBytes(NONCE_BYTES)),
  }
  return { ...unsigned, signature: toBase64url(sign('session', sessionProofBytes(unsigned), keyring.signKey.secretKey)) }
}

/** The session with one server, opened when it is first needed and kept in a private file for the processes to come. */
export function createSession({ agentId, identity, origin, directory, now, open }: SessionOptions): Session {
  const path = sessionFile(directory, origin)
  let current = (): OpenedSession | undefined => readCached(path, { origin, agentId })
  let opening: Promise<OpenedSession> | undefined

  const isGood = (session: OpenedSession | undefined) => session !== undefined && session.expiresAtMs - MARGIN_MS > now()
  const renew = async () => {
    const session = await open(proveIdentity(await identity(), origin, now()))
    writePrivateFile(path, JSON.stringify({ origin, agentId, ...session }))
    current = () => session
    return session
  }

  return {
    async token() {
      const known = current()
      if (known && isGood(known)) {
        current = () => known
        return known.token
      }
      opening ??= renew().finally(() => {
        opening = undefined
      })
      return (await opening).token
    },
    drop() {
      current = () => undefined
      removePrivateFile(path)
    },
  }
}

function sessionFile(directory: string, origin: string): string {
  return join(directory, `session-${Buffer.from(sha256(new TextEncoder().encode(origin))).toString('hex', 0, 8)}.json`)
}

function readCached(path: string, of: { origin: string; agentId: string }): OpenedSession | undefined {
  const bytes = readPrivateFile(path)
  if (bytes === undefined) return undefined
  try {
    const cached = JSON.parse(Buffer.from(bytes).toString('utf8')) as OpenedSession & { origin: string; agentId: string }
    const isOurs = cached.origin === of.origin && cached.agentId === of.agentId && typeof cached.token === 'string'
    return isOurs ? { token: cached.token, expiresAtMs: cached.expiresAtMs } : undefined
  } catch {
    return undefined // only a cache: a new session replaces it
  }
}
