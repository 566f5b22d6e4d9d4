import {
  fromBase64url,
  type IssuedRelayTokens,
  type IssueRelayTokensInput,
  RelayTokenClass,
  type RelayTokenKeys,
  relayTokenEpochAt,
  toBase64url,
} from '@agent-marketplace/protocol'
import { createTokenVerifier, type LearningVerifier } from '../src/relay/token-verifier.ts'
import { blindSign } from '../src/relay-tokens/blind-sign.ts'
import { makeIssuerKey, openIssuerKey } from '../src/relay-tokens/issuer-key.ts'

const SECRET = new Uint8Array(32)

/** Keys of this epoch and the next, the platform's answer to who has tokens signed, and the relay's verifier. */
export interface TestIssuer {
  readonly keys: RelayTokenKeys
  readonly verifier: LearningVerifier
  /** All signatures that were given. */
  readonly given: IssuedRelayTokens[]
  issue(call: { readonly input: unknown }): Promise<IssuedRelayTokens>
}

export async function openTestIssuer(now: () => number = Date.now): Promise<TestIssuer> {
  const epoch = relayTokenEpochAt(now())
  const names = [epoch, epoch + 1].flatMap((each) => RelayTokenClass.options.map((tokenClass) => ({ epoch: each, tokenClass })))
  const made = await Promise.all(names.map((name) => makeIssuerKey(name, SECRET)))
  const find = (at: number, tokenClass: RelayTokenClass) => {
    const key = made.find((each) => each.epoch === at && each.tokenClass === tokenClass)
    if (!key) throw new Error('no such key')
    return key
  }
  const modulus = (at: number, tokenClass: RelayTokenClass) => toBase64url(find(at, tokenClass).modulus)
  const keys = {
    epochs: [epoch, epoch + 1].map((at) => ({ epoch: at, message: modulus(at, 'message'), part: modulus(at, 'part') })),
  }
  const verifier = createTokenVerifier(now)
  verifier.learn(keys)
  const given: IssuedRelayTokens[] = []
  return {
    keys,
    verifier,
    given,
    async issue({ input }) {
      const asked = input as IssueRelayTokensInput
      const key = openIssuerKey(find(asked.epoch, asked.class), SECRET)
      if (!key) throw new Error('a key does not open')
      const blinded = asked.blinded.map((each) => fromBase64url(each) ?? new Uint8Array(0))
      const signatures = await blindSign(key, blinded)
      const answer = { epoch: asked.epoch, class: asked.class, signatures: signatures.map(toBase64url) }
      given.push(answer)
      return answer
    },
  }
}
