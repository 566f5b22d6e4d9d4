import { formatAmount } from '@agent-marketplace/protocol'
import { type ChainFault, formatFault } from '../chain/fault.ts'
import { leastCost } from '../chain/money.ts'
import { readChain } from './read-chain.ts'

/** What can be said of a chain file without asking anybody. `leastCost` in credits: if every step passes at the first try. */
export type CheckedChain =
  | { readonly ok: true; readonly file: string; readonly steps: number; readonly leastCost: string }
  | { readonly ok: false; readonly file: string; readonly faults: ChainFault[] }

/** Check a chain file and all it names. `lines` says each fault as compilers do. @throws CliError `usage` if it cannot be read. */
export async function checkChain(file: string): Promise<CheckedChain & { readonly lines: string[] }> {
  const chain = await readChain(file)
  if ('steps' in chain)
    return { ok: true, file, steps: chain.steps.length, leastCost: formatAmount(leastCost(chain.steps)), lines: [] }
  return { ok: false, file, faults: chain.faults, lines: chain.faults.map((fault) => formatFault(file, fault)) }
}
