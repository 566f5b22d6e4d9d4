import type { Platform, PlatformOptions } from '../platform/client.ts'
import { readFact, writeFact } from '../private/facts.ts'
import { findNextIdentity } from '../private/key-change.ts'
import { type Keyring, readKeyring } from '../private/keyring.ts'
import { openVault, type Vault } from '../private/vault.ts'
import type { RelayClient } from '../relay/relay-client.ts'
import { type CliError, localState } from './cli-error.ts'
import { HANDOFF_DEFAULT, type HandoffOptions } from './handoff-delay.ts'

/** Everything a verb needs. Verbs are functions `(agent, input) => Promise<result>`. */
export interface Agent {
  readonly agentId: string
  readonly profile: Profile
  /** Origin of the control plane, as the user named it. */
  readonly server: string
  /** The identity as this process knows it; whoever signs asks `identity` instead. */
  readonly keyring: Keyring
  /**
   * The identity to sign with now: as another process may have changed it, and after a change of key that was under way is finished.
   *
   * @throws CliError as `finishKeyChange`.
   */
  identity(): Promise<Keyring>
  readonly platform: Platform
  readonly handoff: HandoffOptions
  /** Opened at first use. */
  readonly vault: Vault
  /** The relay of this agent: `--relay`, or the first the server names. Connected at first use. */
  relay(): Promise<RelayClient>
  readonly now: () => number
}

export interface Profile {
  readonly name: string
  /** `<home>/profiles/<name>`, 0700. */
  readonly directory: string
}

/** Where and how an agent works, decided from flags, environment and settings. */
export interface AgentOptions {
  readonly profile: Profile
  readonly server: string
  readonly relay?: string | undefined
  /** HTTP or SOCKS5 proxy for the relay alone. */
  readonly relayProxy?: string | undefined
  readonly handoff?: Partial<HandoffOptions> | undefined
  /** Plain http to another machine is accepted. */
  readonly insecure?: boolean | undefined
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  readonly now?: (() => number) | undefined
  readonly onWait?: ((error: CliError, delayMs: number) => void) | undefined
}

/** Connect without an identity: only what anybody may call. */
export function openPlatform({ server, timeoutMs, signal, onWait, now = Date.now }: AgentOptions): Platform {
  return lazyPlatform({ origin: server, timeoutMs, signal, onWait, now })
}

/**
 * Open the agent of a profile. No request is made yet.
 *
 * @throws CliError `local_state` if the profile has no identity, or its files cannot be trusted or read.
 */
export function openAgent(options: AgentOptions): Agent {
  const { profile } = options
  const keyring = readKeyring(profile.directory)
  if (!keyring)
    throw localState(`the profile "${profile.name}" has no identity yet`, {
      hint: 'register first: `agent-marketplace register --agent-id …`',
    })
  return agentOf(options, keyring)
}

/** The agent of an identity that is at hand, such as one just made. */
export function agentOf(options: AgentOptions, keyring: Keyring): Agent {
  const { profile, server, timeoutMs, signal, onWait, now = Date.now } = options
  const { agentId } = keyring
  const caller = { agentId, identity: () => agent.identity(), directory: profile.directory }
  // Once an hour at most: a daemon is not the only one that keeps a prekey fresh.
  const onSession = () => import('./ensure-prekey.ts').then(({ renewPrekey }) => renewPrekey(agent))
  const platform = lazyPlatform({ origin: server, caller, timeoutMs, signal, onWait, now, onSession })
  let current = keyring
  let vault: Vault | undefined
  let relay: Promise<RelayClient> | undefined
  const connect = async () => {
    const { connectRelay } = await import('../relay/connect-relay.ts')
    const pinned = readFact(agent.vault, `relay of ${server}`)
    const client = await connectRelay({ ...options, pinned }, platform)
    try {
      if (client.origin !== pinned) writeFact(agent.vault, `relay of ${server}`, client.origin)
    } catch (error) {
      await client.close()
      throw error
    }
    return client
  }
  const agent: Agent = {
    agentId,
    profile,
    server,
    get keyring() {
      return current
    },
    async identity() {
      const next = findNextIdentity(agent.vault)
      if (next) await import('./finish-key-change.ts').then(({ finishKeyChange }) => finishKeyChange(agent, next))
      current = readKeyring(profile.directory) ?? current
      return current
    },
    platform,
    handoff: { ...HANDOFF_DEFAULT, ...options.handoff },
    get vault() {
      vault ??= openVault(profile.directory)
      return vault
    },
    relay() {
      // What failed now may work later: a daemon lives on.
      relay ??= connect().catch((error: unknown) => {
        relay = undefined
        throw error
      })
      return relay
    },
    now,
  }
  return agent
}

/** The client, its schemas and tRPC take as long to load as all the rest: only the first call loads them. */
function lazyPlatform(options: PlatformOptions): Platform {
  let loaded: Promise<Platform> | undefined
  const load = () => {
    loaded ??= import('../platform/client.ts').then(({ createPlatform }) => createPlatform(options))
    return loaded
  }
  return {
    origin: options.origin,
    query: async (...call) => (await load()).query(...call),
    mutate: async (...call) => (await load()).mutate(...call),
  }
}
