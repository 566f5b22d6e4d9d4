import { basename } from 'node:path'
import { RELAY_TTL_MS, type RelayTtl, toBase64url } from '@agent-marketplace/protocol'
import {
  ARTIFACTS_MAX,
  type ArtifactPlan,
  generateArtifactKey,
  partRange,
  planArtifact,
  type SealedArtifact,
  type SealedPart,
  sealArtifactPart,
} from '@agent-marketplace/protocol/sealing'
import { isInSpool, sweepSpool, writeToSpool } from '../private/spool.ts'
import {
  beginUpload,
  forgetExpiredUploads,
  isUploadKnown,
  listUploadKeys,
  markSpooled,
  markUploaded,
  type Upload,
  uploadedParts,
} from '../private/transfers.ts'
import type { Agent } from './agent.ts'
import { usage } from './cli-error.ts'
import { forEachPart, missingParts } from './for-each-part.ts'
import { drawDelayMs } from './handoff-delay.ts'
import { mediaTypeOf } from './media-type.ts'
import { openSourceFile, type SourceFile } from './source-file.ts'
import { putSlot } from './spend-token.ts'

/** A file up to this long is hashed before its first part is sealed: that takes less than a tenth of a second, and no interruption costs anything. */
const HASHED_FIRST_BYTES_MAX = 64 * 1024 ** 2

/** Told as a transfer goes on, dummies included: bytes moved and bytes in all. */
export type OnProgress = (movedBytes: number, totalBytes: number) => void

export interface FilesToSeal {
  /** What for: the same file for the same purpose is uploaded once, also after a crash. */
  readonly purpose: string
  readonly paths: readonly string[]
  readonly ttl?: RelayTtl | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OnProgress | undefined
  /** A longer file is hashed while its first parts leave. */
  readonly hashedFirstBytesMax?: number | undefined
}

/**
 * Seal files as artifacts and upload them, part by part from the disk. Interrupted at any point, the same call uploads what is missing; of a file above
 * `HASHED_FIRST_BYTES_MAX` that was not read to its end once, it begins anew under another key.
 * Where drops rest before they are sent, files do too: their sealed parts are kept in the spool, each file for a time of its own.
 *
 * @returns The artifacts with their keys, in the order of the paths; all parts are with the relay, or in the spool and on their way whatever becomes of the files.
 * @throws CliError `usage` for a file that cannot be read, changes meanwhile, or two of one name; `unreachable` and the like.
 */
export async function sealFiles(
  agent: Agent,
  { purpose, paths, ttl = '7d', signal, onProgress, hashedFirstBytesMax = HASHED_FIRST_BYTES_MAX }: FilesToSeal,
): Promise<SealedArtifact[]> {
  if (paths.length > ARTIFACTS_MAX) throw usage(`at most ${ARTIFACTS_MAX} files at once`)
  if (new Set(paths.map((path) => basename(path))).size !== paths.length) throw usage('two files have the same name')
  forgetExpiredUploads(agent.vault, agent.now())
  sweepSpool(agent.profile.directory, () => listUploadKeys(agent.vault))

  const artifacts: SealedArtifact[] = []
  for (const path of paths) {
    await using file = await openSourceFile(path)
    artifacts.push(await sealFile(agent, file, { purpose, ttl, signal, onProgress, hashedFirstBytesMax }))
  }
  return artifacts
}

type FileToSeal = Omit<FilesToSeal, 'paths'> & { readonly ttl: RelayTtl; readonly hashedFirstBytesMax: number }

async function sealFile(agent: Agent, file: SourceFile, options: FileToSeal): Promise<SealedArtifact> {
  const { purpose, ttl, signal, onProgress, hashedFirstBytesMax } = options
  const { vault } = agent
  const { name, bytes } = file
  const plan = planArtifact(bytes)
  const { partBytes, parts } = plan
  const ttlMs = RELAY_TTL_MS[ttl]
  const about = { purpose, name, bytes, ttl }
  const fresh = { artifactKey: generateArtifactKey(), expiresAtMs: agent.now() + ttlMs, freshUntilMs: agent.now() + ttlMs / 2 }
  const sealPart = openSealer(file, plan)
  const report = (done: number) => onProgress?.(done * partBytes, parts * partBytes)

  async function putParts(artifactKey: Uint8Array, missing: number[], onPut: (part: number) => void): Promise<void> {
    const relay = await agent.relay()
    await forEachPart(missing, signal, async (index) => {
      await sealPart(artifactKey, index, ({ slotId, deleteHash, body }) =>
        putSlot(agent, relay, { slotId, deleteHash, ttl, body }),
      )
      onPut(index)
    })
  }

  /** Put parts under a fresh key while the file is read for its hash. The journal knows of them as soon as it knows the hash. */
  async function beginAhead(): Promise<Upload> {
    const missing = missingParts(parts, new Set())
    const put = new Set<number>()
    let upload: Upload | undefined
    const markPut = (part: number) => upload?.artifactKey === fresh.artifactKey && markUploaded(vault, upload.uploadId, part)
    const hashing = file
      .hash(signal)
      .then((sha256) => {
        upload = beginUpload(vault, { ...about, sha256 }, fresh)
        put.forEach(markPut)
        return upload
      })
      .finally(() => {
        // The file cannot be read, or another process began to send it under a key of its own.
        if (upload?.artifactKey !== fresh.artifactKey) missing.splice(0)
      })
    const putting = putParts(fresh.artifactKey, missing, (part) => {
      report(put.add(part).size)
      markPut(part)
    })
    // A part that cannot be put does not keep the others from being known.
    const [hashed, ended] = await Promise.allSettled([hashing, putting])
    if (hashed.status === 'rejected') throw hashed.reason
    if (ended.status === 'rejected') throw ended.reason
    return hashed.value
  }

  const isDelayed = agent.handoff.delay !== 'none'
  const isAhead = bytes > hashedFirstBytesMax && !isDelayed && !isUploadKnown(vault, about)
  const upload = isAhead ? await beginAhead() : beginUpload(vault, { ...about, sha256: await file.hash(signal) }, fresh)

  const { uploadId, artifactKey, expiresAtMs, isSpooled, sha256 } = upload
  const done = uploadedParts(vault, uploadId)
  const isWhole = done.size === parts
  const isDone = (part: number) => report(done.add(part).size)
  report(done.size)
  if (!isSpooled && !isDelayed) {
    await putParts(artifactKey, missingParts(parts, done), (part) => {
      markUploaded(vault, uploadId, part)
      isDone(part)
    })
  } else {
    const spool = { directory: agent.profile.directory, artifactKey }
    await forEachPart(missingParts(parts, done), signal, async (index) => {
      if (!isInSpool(spool, index)) await sealPart(artifactKey, index, ({ body }) => writeToSpool(spool, index, body))
      isDone(index)
    })
    if (!isWhole) markSpooled(vault, uploadId, agent.now() + drawDelayMs(agent.handoff.delay))
  }
  return { K: toBase64url(artifactKey), partBytes, parts, bytes, name, mediaType: mediaTypeOf(name), sha256, expiresAtMs }
}

/** Seal parts of a file one by one. Where they are read to, and sealed in, is used again: new memory for each of a thousand costs more than sealing it. */
function openSealer(file: SourceFile, plan: ArtifactPlan) {
  const rooms: { data: Uint8Array; body: Uint8Array }[] = []
  return async (artifactKey: Uint8Array, index: number, use: (part: SealedPart) => Promise<void> | void): Promise<void> => {
    const { start, end } = partRange(plan, index)
    const room = rooms.pop() ?? { data: new Uint8Array(plan.dataBytes), body: new Uint8Array(plan.partBytes) }
    const data = await file.read(start, end, room.data)
    await use(sealArtifactPart({ artifactKey, plan, index, data, room: room.body }))
    rooms.push(room)
  }
}
