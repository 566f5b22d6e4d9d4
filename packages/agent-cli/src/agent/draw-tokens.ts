import { randomBytes } from 'node:crypto'
import {
  encodeRelayToken,
  fromBase64url,
  type IssueRelayTokensInput,
  RELAY_TOKEN_NONCE_BYTES,
  relayTokenMessage,
  toBase64url,
} from '@agent-marketplace/protocol'
import { mayHaveHappened, withKey } from '../private/pending.ts'
import { type Blind, findBlind, forgetBlinds, forgetExpiredTokens, keepBlinds, keepToken } from '../private/tokens.ts'
import type { Agent } from './agent.ts'
import type { BlindThread } from './blind-worker.ts'
import { CliError } from './cli-error.ts'
import type { TokenKey } from './token-keys.ts'

/**
 * Draw tokens: have the platform sign what it cannot read, and lay the signatures in stock, unblinded. Costs 50 ms of processor time a token, in a thread
 * beside this one. A draw whose answer was lost is asked for again before a new one.
 *
 * @param count - 1–100.
 * @throws CliError `capacity_exceeded` when this epoch's allowance is used up; `bad_answer` when the signatures are not of the key the relay states.
 */
export async function drawTokens(agent: Agent, key: TokenKey, count: number): Promise<void> {
  forgetExpiredTokens(agent.vault, agent.now())
  // Only who draws pays for loading it.
  const { openBlindThread } = await import('./blind-worker.ts')
  await using thread = openBlindThread(key.modulus)
  const fresh = await makeBlinds(thread, key, count)
  await layInStock(agent, key, thread, await issue(agent, key, fresh))
}

async function makeBlinds(thread: BlindThread, { epoch, tokenClass }: TokenKey, count: number): Promise<Blind[]> {
  const nonces = Array.from({ length: count }, () => new Uint8Array(randomBytes(RELAY_TOKEN_NONCE_BYTES)))
  const blinded = await thread.blind(nonces.map((nonce) => relayTokenMessage(tokenClass, { epoch, nonce })))
  return blinded.map((each, index) => ({ ...each, nonce: nonces[index] as Uint8Array }))
}

interface Issued {
  readonly blinded: Uint8Array[]
  readonly signatures: Uint8Array[]
}

/** Take the blinding away from what was signed, and verify it. */
async function layInStock(agent: Agent, key: TokenKey, thread: BlindThread, { blinded, signatures }: Issued): Promise<void> {
  const { epoch, tokenClass } = key
  const signed = blinded.flatMap((each, index) => {
    // One that this vault never sent, or has in stock already, came with the answer to an earlier call.
    const blind = findBlind(agent.vault, each)
    const blindSignature = signatures[index]
    if (!blind || !blindSignature) return []
    const message = relayTokenMessage(tokenClass, { epoch, nonce: blind.nonce })
    return [{ blind, blindSignature, prepared: new Uint8Array(Buffer.concat([blind.randomizer, message])) }]
  })
  const finished = await thread.finish(
    signed.map(({ blind: { inverse }, prepared, blindSignature }) => ({ prepared, inverse, blindSignature })),
  )
  for (const [index, { blind }] of signed.entries()) {
    const signature = finished[index]
    if (!signature) throw new CliError('bad_answer', 'the platform did not sign with the key that the relay states')
    keepToken(agent.vault, key, encodeRelayToken({ epoch, ...blind, signature }), blind.blinded)
  }
  if (signatures.length < blinded.length)
    throw new CliError('bad_answer', 'the platform signed fewer tokens than it was asked for')
}

async function issue(agent: Agent, key: TokenKey, fresh: readonly Blind[]): Promise<Issued> {
  const { vault, platform } = agent
  const { epoch, tokenClass, keyId } = key
  const input: IssueRelayTokensInput = { epoch, class: tokenClass, blinded: fresh.map(({ blinded }) => toBase64url(blinded)) }
  const intent = { procedure: 'relayTokens.issue', input, sameAs: { epoch, tokenClass, keyId: toBase64url(keyId) } }
  return withKey(agent, intent, async (idempotencyKey, sent) => {
    if (sent === input) keepBlinds(vault, key, fresh)
    const blinded = sent.blinded.map(decode)
    try {
      const { signatures } = await platform.mutate('relayTokens.issue', sent, { idempotencyKey })
      return { blinded, signatures: signatures.map(decode) }
    } catch (error) {
      if (!mayHaveHappened(error)) forgetBlinds(vault, blinded)
      throw error
    }
  })
}

function decode(text: string): Uint8Array {
  const bytes = fromBase64url(text)
  if (!bytes) throw new CliError('bad_answer', 'a signature is not base64url')
  return bytes
}
