import { relayTokenClassOf } from '@agent-marketplace/protocol'
import { dropToken, takeToken } from '../private/tokens.ts'
import type { Vault } from '../private/vault.ts'
import type { RelayClient, SlotUpload } from '../relay/relay-client.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { drawTokens } from './draw-tokens.ts'
import { findTokenKey, forgetTokenKeys, type TokenKey } from './token-keys.ts'

/** Drawn when the stock is empty and somebody waits: half a second's work. */
const DRAWN_AT_ONCE = 10
/** Tokens that a relay may refuse in a row: after a vault was restored from a copy, some of its tokens are spent. */
const REFUSED_MAX = 10

/**
 * Fill a slot on the relay, and pay with a token where it takes them: of class `message` for a drop, else `part`.
 *
 * @throws CliError as `RelayClient.put`; `capacity_exceeded` when the stock is empty and this epoch's allowance is used up.
 */
export async function putSlot(agent: Agent, relay: RelayClient, upload: Omit<SlotUpload, 'token'>): Promise<void> {
  const tokenClass = relayTokenClassOf({ bytes: upload.body.length, record: upload.record })
  for (let refused = 0; ; refused++) {
    const key = await findTokenKey(relay, tokenClass, agent.now())
    const token = key && (await takeOrDraw(agent, key, upload.slotId))
    try {
      await relay.put({ ...upload, token })
      if (token) dropToken(agent.vault, token)
      return
    } catch (error) {
      const isRefused = error instanceof CliError && error.code === 'unauthenticated'
      if (!isRefused) throw error
      if (token) dropToken(agent.vault, token)
      if (refused === (token ? REFUSED_MAX : 1)) throw error
      // What it stated may hold no longer: it has come to take tokens, or other ones.
      forgetTokenKeys(relay)
    }
  }
}

async function takeOrDraw(agent: Agent, key: TokenKey, slotId: Uint8Array): Promise<Uint8Array> {
  for (;;) {
    const token = takeToken(agent.vault, key.keyId, slotId)
    if (token) return token
    await drawAtOnce(agent, key)
  }
}

const drawing = new WeakMap<Vault, Promise<void>>()

/** Uploads that go on beside each other find the stock empty together: one of them draws, the others wait and look again. */
async function drawAtOnce(agent: Agent, key: TokenKey): Promise<void> {
  const { vault } = agent
  if (drawing.has(vault)) return drawing.get(vault)?.catch(() => undefined)
  const draw = drawTokens(agent, key, DRAWN_AT_ONCE).finally(() => drawing.delete(vault))
  drawing.set(vault, draw)
  await draw
}
