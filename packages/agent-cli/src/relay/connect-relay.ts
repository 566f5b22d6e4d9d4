import { CliError, isAway } from '../agent/cli-error.ts'
import type { Platform } from '../platform/client.ts'
import type { RelayClient } from './relay-client.ts'

interface RelayChoice {
  readonly relay?: string | undefined
  readonly relayProxy?: string | undefined
  /** Plain http to another machine is accepted. */
  readonly insecure?: boolean | undefined
  readonly timeoutMs?: number | undefined
  /** The relay this agent used with this platform before. */
  readonly pinned?: string | undefined
}

/**
 * Find the relay to use: the one that was named, the one used before (also while the platform is away), or the first the platform names. No request goes to the relay yet.
 *
 * @throws CliError `unavailable` if there is none; `key_changed` if the platform no longer names the one used before; what `createRelayClient` throws.
 */
export async function connectRelay(
  { relay, relayProxy, insecure, timeoutMs, pinned }: RelayChoice,
  platform: Platform,
): Promise<RelayClient> {
  const origin = relay ?? (await findRelay(platform, pinned))
  if (origin === undefined) throw new CliError('unavailable', 'this server names no relay', { hint: 'name one: --relay URL' })
  // undici takes 80 ms to load (measured): only what talks to a relay pays for it.
  const { createRelayClient } = await import('./relay-client.ts')
  return createRelayClient({ origin, proxy: relayProxy, allowPlain: insecure, timeoutMs })
}

/** A platform that is away takes nobody's messages along: the relay it named before is asked. */
async function findRelay(platform: Platform, pinned: string | undefined): Promise<string | undefined> {
  try {
    return chooseRelay((await platform.query('server.info', {})).relayOrigins, pinned)
  } catch (error) {
    if (pinned !== undefined && isAway(error)) return pinned
    throw error
  }
}

function chooseRelay(named: readonly string[], pinned: string | undefined): string | undefined {
  if (pinned === undefined) return named[0]
  if (named.includes(pinned)) return pinned
  throw new CliError('key_changed', `the platform names another relay than ${pinned}, which was used before`, {
    hint: named[0] === undefined ? 'nothing was sent' : `nothing was sent; to use it from now on: --relay ${named[0]}`,
  })
}
