import { randomBytes, webcrypto } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  encodeRelayToken,
  fromBase64url,
  type IssueRelayTokensInput,
  RELAY_TOKEN_NONCE_BYTES,
  RELAY_TOKEN_RANDOMIZER_BYTES,
  relayTokenMessage,
  toBase64url,
} from '@agent-marketplace/protocol'
import { mayHaveHappened, withKey } from '../private/pending.ts'
import { type Blind, findBlind, forgetBlinds, forgetExpiredTokens, keepBlinds, keepToken } from '../private/tokens.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import type { TokenKey } from './token-keys.ts'

/**
 * Draw tokens: have the platform sign what it cannot read, and lay the signatures in stock, unblinded. Costs 45 ms of this machine's time a token,
 * most of it in one piece; others have their turn between two tokens. A draw whose answer was lost is asked for again before a new one.
 *
 * @param count - 1–100.
 * @throws CliError `capacity_exceeded` when this epoch's allowance is used up; `bad_answer` when the signatures are not of the key the relay states.
 */
export async function drawTokens(agent: Agent, key: TokenKey, count: number): Promise<void> {
  const { vault } = agent
  forgetExpiredTokens(vault, agent.now())
  const signer = await openSigner(key)
  const fresh: Blind[] = []
  while (fresh.length < count) {
    await nextTurn()
    fresh.push(await signer.blind())
  }

  const { blinded, signatures } = await issue(agent, key, fresh)
  for (const [index, each] of blinded.entries()) {
    await nextTurn()
    const blind = findBlind(vault, each)
    const signature = signatures[index]
    if (!signature) throw new CliError('bad_answer', 'the platform signed fewer tokens than it was asked for')
    // One that this vault never sent, or has in stock already, came with the answer to an earlier call.
    if (blind) keepToken(vault, key, await signer.finish(blind, signature), each)
  }
}

async function issue(
  agent: Agent,
  key: TokenKey,
  fresh: readonly Blind[],
): Promise<{ blinded: Uint8Array[]; signatures: Uint8Array[] }> {
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

/** The client's side of RFC 9474, RSABSSA-SHA384-PSS-Randomized, with one key. */
async function openSigner({ epoch, tokenClass, modulus }: TokenKey) {
  // Only who draws pays for loading it.
  const { RSABSSA } = await import('@cloudflare/blindrsa-ts')
  const suite = RSABSSA.SHA384.PSS.Randomized()
  const jwk = { kty: 'RSA', n: modulus, e: 'AQAB', ext: true }
  const publicKey = await webcrypto.subtle.importKey('jwk', jwk, { name: 'RSA-PSS', hash: 'SHA-384' }, true, ['verify'])

  return {
    async blind(): Promise<Blind> {
      const nonce = new Uint8Array(randomBytes(RELAY_TOKEN_NONCE_BYTES))
      const prepared = suite.prepare(relayTokenMessage(tokenClass, { epoch, nonce }))
      const { blindedMsg: blinded, inv: inverse } = await suite.blind(publicKey, prepared)
      return { blinded, nonce, randomizer: prepared.slice(0, RELAY_TOKEN_RANDOMIZER_BYTES), inverse }
    },

    /** @returns the token, whose signature has been verified. */
    async finish({ nonce, randomizer, inverse }: Blind, blindSignature: Uint8Array): Promise<Uint8Array> {
      const prepared = new Uint8Array(Buffer.concat([randomizer, relayTokenMessage(tokenClass, { epoch, nonce })]))
      const signature = await suite.finalize(publicKey, prepared, blindSignature, inverse).catch((cause: unknown) => {
        throw new CliError('bad_answer', 'the platform did not sign with the key that the relay states', { cause })
      })
      return encodeRelayToken({ epoch, nonce, randomizer, signature })
    },
  }
}

function decode(text: string): Uint8Array {
  const bytes = fromBase64url(text)
  if (!bytes) throw new CliError('bad_answer', 'a signature is not base64url')
  return bytes
}
