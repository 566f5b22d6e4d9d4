import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Agent, agentOf } from './agent/agent.ts'
import { createPlatform } from './platform/client.ts'
import { pin } from './private/contacts.ts'
import { type Keyring, makeKeyring, writeKeyring } from './private/keyring.ts'
import { currentPrekey } from './private/prekeys.ts'
import type { RelayClient } from './relay/relay-client.ts'
import { makeTestHome } from './test-home.ts'

/** Nothing listens there: whoever asks this platform something shows that it should not have. */
const NO_PLATFORM = 'http://127.0.0.1:1'

/** What a busy machine may take for a call of the relay; … */
const PATIENCE_MS = 30_000
/** … nobody is waited for where nobody is. */
const IMPATIENCE_MS = 500

export interface HandoffAgent extends Agent, Disposable {
  /** The same agent in a process of its own, as far as files can tell. */
  restart(options?: { relay?: string; wrap?: (client: RelayClient) => RelayClient }): Agent
  /** Another machine, with a copy of everything that lies on this one. */
  clone(): Agent
}

/** An agent with an identity, a vault and a prekey on disk, on a real relay and on no platform. */
export function openHandoffAgent(relay: string, agentId: string): HandoffAgent {
  const home = makeTestHome()
  const directory = join(home.path, 'profiles', 'default')
  const keyring = makeKeyring(agentId, { name: agentId }, Date.now())
  writeKeyring(directory, keyring)
  const opened: Agent[] = []
  const copies: ReturnType<typeof makeTestHome>[] = []
  const open = (origin: string, at = directory) => {
    const profile = { name: 'default', directory: at }
    const agent = agentOf({ profile, server: NO_PLATFORM, relay: origin, timeoutMs: PATIENCE_MS }, keyring)
    opened.push(agent)
    const caller = { agentId, identity: () => agent.identity(), directory: at }
    return Object.assign(agent, {
      platform: createPlatform({ origin: NO_PLATFORM, caller, timeoutMs: IMPATIENCE_MS, now: Date.now }),
    })
  }
  const agent = open(relay)
  currentPrekey(agent.vault, keyring, Date.now())
  return Object.assign(agent, {
    restart({ relay: origin = relay, wrap = (client: RelayClient) => client } = {}): Agent {
      const again = open(origin)
      return { ...again, vault: again.vault, relay: async () => wrap(await again.relay()) }
    },
    clone() {
      const copy = makeTestHome()
      copies.push(copy)
      mkdirSync(join(copy.path, 'copy'), { mode: 0o700 })
      cpSync(directory, join(copy.path, 'copy'), { recursive: true })
      return open(relay, join(copy.path, 'copy'))
    },
    [Symbol.dispose]() {
      for (const each of opened) each.vault.close()
      for (const each of [home, ...copies]) each[Symbol.dispose]()
    },
  })
}

/** Everybody knows everybody's card and prekey. */
export function introduce(...agents: readonly Agent[]): void {
  for (const agent of agents) {
    for (const other of agents)
      pin(
        agent.vault,
        { ...contactOf(other.keyring), prekey: currentPrekey(other.vault, other.keyring, Date.now()).signed },
        Date.now(),
      )
  }
}

function contactOf({ agentId, card }: Keyring) {
  return { agentId, card }
}
