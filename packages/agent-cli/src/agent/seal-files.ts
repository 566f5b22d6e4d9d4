import { basename } from 'node:path'
import { RELAY_TTL_MS, type RelayTtl, toBase64url } from '@agent-marketplace/protocol'
import {
  ARTIFACTS_MAX,
  generateArtifactKey,
  partRange,
  planArtifact,
  type SealedArtifact,
  sealArtifactPart,
} from '@agent-marketplace/protocol/sealing'
import { isInSpool, sweepSpool, writeToSpool } from '../private/spool.ts'
import {
  beginUpload,
  forgetExpiredUploads,
  listUploadKeys,
  markSpooled,
  markUploaded,
  uploadedParts,
} from '../private/transfers.ts'
import type { Agent } from './agent.ts'
import { usage } from './cli-error.ts'
import { forEachPart, missingParts } from './for-each-part.ts'
import { drawDelayMs } from './handoff-delay.ts'
import { mediaTypeOf } from './media-type.ts'
import { openSourceFile, type SourceFile } from './source-file.ts'
import { putSlot } from './spend-token.ts'

/** Told as a transfer goes on, dummies included: bytes moved and bytes in all. */
export type OnProgress = (movedBytes: number, totalBytes: number) => void

export interface FilesToSeal {
  /** What for: the same file for the same purpose is uploaded once, also after a crash. */
  readonly purpose: string
  readonly paths: readonly string[]
  readonly ttl?: RelayTtl | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
}

/**
 * Seal files as artifacts and upload them, part by part from the disk. Interrupted at any point, the same call uploads what is missing.
 * Where drops rest before they are sent, files do too: their sealed parts are kept in the spool, each file for a time of its own.
 *
 * @returns The artifacts with their keys, in the order of the paths; all parts are with the relay, or in the spool and on their way whatever becomes of the files.
 * @throws CliError `usage` for a file that cannot be read, changes meanwhile, or two of one name; `unreachable` and the like.
 */
export async function sealFiles(
  agent: Agent,
  { purpose, paths, ttl = '7d', signal, onProgress }: FilesToSeal,
): Promise<SealedArtifact[]> {
  if (paths.length > ARTIFACTS_MAX) throw usage(`at most ${ARTIFACTS_MAX} files at once`)
  if (new Set(paths.map((path) => basename(path))).size !== paths.length) throw usage('two files have the same name')
  forgetExpiredUploads(agent.vault, agent.now())
  sweepSpool(agent.profile.directory, () => listUploadKeys(agent.vault))

  const artifacts: SealedArtifact[] = []
  for (const path of paths) {
    await using file = await openSourceFile(path)
    artifacts.push(await sealFile(agent, file, { purpose, ttl, signal, onProgress }))
  }
  return artifacts
}

async function sealFile(
  agent: Agent,
  file: SourceFile,
  { purpose, ttl, signal, onProgress }: Omit<FilesToSeal, 'paths'> & { ttl: RelayTtl },
): Promise<SealedArtifact> {
  const { name, bytes, sha256 } = file
  const plan = planArtifact(bytes)
  const ttlMs = RELAY_TTL_MS[ttl]
  const { uploadId, artifactKey, expiresAtMs, isSpooled } = beginUpload(
    agent.vault,
    { purpose, name, sha256, bytes, ttl },
    { artifactKey: generateArtifactKey(), expiresAtMs: agent.now() + ttlMs, freshUntilMs: agent.now() + ttlMs / 2 },
  )

  const { partBytes, parts } = plan
  const artifact = {
    K: toBase64url(artifactKey),
    partBytes,
    parts,
    bytes,
    name,
    mediaType: mediaTypeOf(name),
    sha256,
    expiresAtMs,
  }

  const spool = { directory: agent.profile.directory, artifactKey }
  const isHeld = isSpooled || agent.handoff.delay !== 'none'
  const done = uploadedParts(agent.vault, uploadId)
  const isWhole = done.size === parts
  const report = () => onProgress?.(done.size * partBytes, parts * partBytes)
  const relay = isHeld ? undefined : await agent.relay()
  report()
  /** Where parts are read to, and sealed in: new memory for each of a thousand costs more than sealing it. */
  const rooms: { data: Uint8Array; body: Uint8Array }[] = []
  await forEachPart(missingParts(parts, done), signal, async (index) => {
    const { start, end } = partRange(plan, index)
    const room = rooms.pop() ?? { data: new Uint8Array(plan.dataBytes), body: new Uint8Array(partBytes) }
    const sealPart = async () =>
      sealArtifactPart({ artifactKey, plan, index, data: await file.read(start, end, room.data), room: room.body })
    if (relay) {
      const { slotId, deleteHash, body } = await sealPart()
      await putSlot(agent, relay, { slotId, deleteHash, ttl, body })
      markUploaded(agent.vault, uploadId, index)
    } else if (!isInSpool(spool, index)) {
      writeToSpool(spool, index, (await sealPart()).body)
    }
    rooms.push(room)
    done.add(index)
    report()
  })
  if (isHeld && !isWhole) markSpooled(agent.vault, uploadId, agent.now() + drawDelayMs(agent.handoff.delay))
  return artifact
}
