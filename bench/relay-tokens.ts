import { randomBytes } from 'node:crypto'
import { fromBase64url, type IssuedRelayTokens, toBase64url } from '@agent-marketplace/protocol'
import { sha256 } from '@agent-marketplace/protocol/signing'
import { drawTokens } from '../packages/agent-cli/src/agent/draw-tokens.ts'
import { takeToken } from '../packages/agent-cli/src/private/tokens.ts'
import { openTestAgent } from '../packages/agent-cli/src/test-agent.ts'
import { startTestPlatform } from '../packages/agent-cli/src/test-platform.ts'
import { openTestIssuer } from '../packages/platform-server/test/issuer.ts'
import type { Options, Row } from './row.ts'
import { median } from './statistics.ts'

/** Tokens in one draw: as many as one call may ask for. */
const TOKENS = 100
const DAY_MS = 86_400_000

/** Tokens from the draw to the spending, each side by itself on one core. */
export async function benchTokens({ repeats }: Options): Promise<Row[]> {
  const issuer = await openTestIssuer()
  let signingMs = 0
  await using platform = await startTestPlatform({
    'relayTokens.issue': async (asked) => {
      const startedAt = performance.now()
      const answer: IssuedRelayTokens = await issuer.issue(asked)
      signingMs = performance.now() - startedAt
      return answer
    },
  })
  using opened = openTestAgent(platform)
  const [published] = issuer.keys.epochs
  const bytes = published && fromBase64url(published.message)
  if (!published || !bytes) throw new Error('no key')
  const keyId = sha256(bytes)
  const key = {
    epoch: published.epoch,
    tokenClass: 'message',
    modulus: published.message,
    keyId,
    expiresAtMs: Date.now() + DAY_MS,
  } as const

  const times = { sign: [] as number[], draw: [] as number[], take: [] as number[], verify: [] as number[] }
  for (let repeat = 0; repeat < repeats; repeat++) {
    const drawnMs = await time(() => drawTokens(opened.agent, key, TOKENS))
    times.sign.push(signingMs)
    times.draw.push(drawnMs - signingMs)
    const tokens: Uint8Array[] = []
    times.take.push(
      await time(async () => {
        for (let index = 0; index < TOKENS; index++)
          tokens.push(takeToken(opened.agent.vault, keyId, randomBytes(16)) ?? new Uint8Array(0))
      }),
    )
    const verifyMs = await time(async () => {
      for (const token of tokens)
        if (!(await issuer.verifier.verify(token, 'message'))) throw new Error(`not verified: ${toBase64url(token)}`)
    })
    times.verify.push(verifyMs)
  }
  const row = (what: string, on: string, spent: readonly number[]): Row => ({
    group: 'relay',
    what,
    on,
    value: (TOKENS / median(spent)) * 1_000,
    unit: '/s',
  })
  return [
    row('tokens signed', 'server', times.sign),
    row('tokens blinded and finished', 'client', times.draw),
    row('tokens verified', 'relay', times.verify),
    row('tokens taken from stock', 'client', times.take),
  ]
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
