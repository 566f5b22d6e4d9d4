import type { Config } from '../config.ts'
import { inspectRelayDatabase } from '../relay-plane.ts'
import { auditLedger, checkBalances } from '../settlement/operations.ts'
import { StorageUnusable } from '../storage/open-error.ts'
import { readControlData } from './control-reader.ts'

/**
 * Check the stored data of the planes that are asked for: pages, references, and the laws of the ledger as far as balances tell. Changes nothing.
 *
 * @returns one line for the operator.
 * @throws StorageUnusable with what is wrong.
 */
export async function check(config: Config): Promise<string> {
  const sound: string[] = []
  if (config.plane !== 'relay') sound.push(`control plane: sound, ${await checkControl(config)} ledger entries`)
  if (config.plane !== 'control') {
    using relay = inspectRelayDatabase(config)
    relay.checkReferences()
    sound.push('relay: sound')
  }
  return sound.join('; ')
}

function checkControl(config: Config): Promise<number> {
  return readControlData(config, async (reader, checkPages) => {
    await checkPages()
    const { entries, broken } = await auditLedger(reader)
    const fault = broken[0]?.replaceAll('_', ' ') ?? (await checkBalances(reader))
    if (fault !== undefined) throw new StorageUnusable(`the ledger is damaged (${fault}): restore a backup`)
    return entries
  })
}
