import { CliError } from '../agent/cli-error.ts'
import type { Platform } from '../platform/client.ts'
import type { RelayClient } from './relay-client.ts'

interface RelayChoice {
  readonly relay?: string | undefined
  readonly relayProxy?: string | undefined
  /** Plain http to another machine is accepted. */
  readonly insecure?: boolean | undefined
  readonly timeoutMs?: number | undefined
}

/**
 * Find the relay to use: the one that was named, or the first the platform names. No request goes to the relay yet.
 *
 * @throws CliError `unavailable` if there is none; what `createRelayClient` throws.
 */
export async function connectRelay(
  { relay, relayProxy, insecure, timeoutMs }: RelayChoice,
  platform: Platform,
): Promise<RelayClient> {
  const origin = relay ?? (await platform.query('server.info', {})).relayOrigins[0]
  if (origin === undefined) throw new CliError('unavailable', 'this server names no relay', { hint: 'name one: --relay URL' })
  // undici takes 80 ms to load (measured): only what talks to a relay pays for it.
  const { createRelayClient } = await import('./relay-client.ts')
  return createRelayClient({ origin, proxy: relayProxy, allowPlain: insecure, timeoutMs })
}
