import type { Capability } from '@agent-marketplace/protocol'
import { usage } from './cli-error.ts'

/** What holds for a capability that does not say so itself. */
interface Defaults {
  readonly maxConcurrency?: number | undefined
  readonly price?: string | undefined
}

/**
 * Read `NAME[:MAX[:PRICE]]`: what an agent offers, how many at a time (1 if nothing says so) and for how many credits.
 *
 * @throws CliError `usage` if it has more parts or MAX is not a whole number. The name and the price are checked with the call.
 */
export function parseCapability(text: string, defaults: Defaults = {}): Capability {
  const [name = '', max = String(defaults.maxConcurrency ?? 1), price = defaults.price, ...rest] = text.split(':')
  if (rest.length > 0 || !/^[1-9][0-9]{0,5}$/.test(max))
    throw usage('a capability is NAME[:MAX[:PRICE]], such as text.extract:2:5')
  return { name, maxConcurrency: Number(max), ...(price !== undefined && { price }) }
}
