import { derivePart, planArtifact } from '@agent-marketplace/protocol/sealing'
import { readFromSpool, removeFromSpool } from '../private/spool.ts'
import { listSpooled, markUnspooled, markUploaded, type SpooledUpload, uploadedParts } from '../private/transfers.ts'
import type { Agent } from './agent.ts'
import { localState } from './cli-error.ts'
import { forEachPart, missingParts } from './for-each-part.ts'
import { putSlot } from './spend-token.ts'
import { tryEach } from './try-each.ts'

/**
 * Upload the files in the spool that have rested. Interrupted at any point, the next call uploads what is missing.
 *
 * @throws CliError `unreachable` and the like: they stay, and what leads to them waits; `local_state` for a spool that lost a part.
 */
export async function uploadSpooled(agent: Agent): Promise<void> {
  const due = listSpooled(agent.vault).filter(({ holdUntilMs }) => holdUntilMs <= agent.now())
  await tryEach(due, (upload) => uploadFile(agent, upload))
}

async function uploadFile(agent: Agent, { uploadId, artifactKey, bytes, ttl }: SpooledUpload): Promise<void> {
  const { vault, profile } = agent
  const spool = { directory: profile.directory, artifactKey }
  const relay = await agent.relay()
  await forEachPart(missingParts(planArtifact(bytes).parts, uploadedParts(vault, uploadId)), undefined, async (index) => {
    const body = readFromSpool(spool, index)
    // Another process uploads the same, and was faster.
    if (!body && uploadedParts(vault, uploadId).has(index)) return
    if (!body)
      throw localState('a part of a file that was to be uploaded is gone from the spool', { hint: 'hand the file over again' })
    const { slotId, deleteHash } = derivePart(artifactKey, index)
    await putSlot(agent, relay, { slotId, deleteHash, ttl, body })
    markUploaded(vault, uploadId, index)
  })
  markUnspooled(vault, uploadId)
  removeFromSpool(spool)
}
