import type { Capability } from '@agent-marketplace/protocol'
import { usage } from './cli-error.ts'

/**
 * Read `NAME[:MAX[:PRICE]]`: what an agent offers, how many at a time (1 if not said) and for how many credits.
 *
 * @throws CliError `usage` if it has more parts or MAX is not a whole number. The name and the price are checked with the call.
 */
export function parseCapability(text: string): Capability {
  const [name = '', max = '1', price, ...rest] = text.split(':')
  if (rest.length > 0 || !/^[1-9][0-9]{0,5}$/.test(max)) throw usage('a capability is NAME[:MAX[:PRICE]], such as text.extract:2:5')
  return { name, maxConcurrency: Number(max), ...(price !== undefined && { price }) }
}
