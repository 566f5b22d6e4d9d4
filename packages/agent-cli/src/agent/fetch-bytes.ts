import { fromBase64url } from '@agent-marketplace/protocol'
import { checkPlan, derivePart, documentHash, openArtifactPart, type SealedArtifact } from '@agent-marketplace/protocol/sealing'
import type { Agent } from './agent.ts'
import { ContentError } from './content-error.ts'

/**
 * One part of an artifact, opened.
 *
 * @param part - Counts from 0; a dummy gives no bytes.
 * @param room - `artifact.partBytes` in which it is received and opened; without it, it gets memory of its own.
 * @throws ContentError if it is gone or was changed.
 */
export async function fetchPart(agent: Agent, artifact: SealedArtifact, part: number, room?: Uint8Array): Promise<Uint8Array> {
  const plan = checkPlan(artifact)
  const artifactKey = fromBase64url(artifact.K)
  if (!plan || !artifactKey)
    throw new ContentError('content_mismatch', 'the parts of the artifact are not the ones its size makes')
  const relay = await agent.relay()
  const body = await relay.read(derivePart(artifactKey, part).readCap, room)
  if (!body) throw new ContentError('content_unavailable', 'the relay does not have this content (any more)')
  const data = openArtifactPart({ artifactKey, plan, index: part, body, room: body })
  if (!data) throw new ContentError('content_mismatch', 'a part of the content was changed on its way')
  return data
}

/**
 * Fetch a small artifact into memory.
 *
 * @returns Exactly the bytes whose SHA-256 the description names.
 * @throws ContentError if they are gone or others.
 */
export async function fetchBytes(agent: Agent, artifact: SealedArtifact, signal?: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (let part = 0; part < artifact.parts; part++) {
    signal?.throwIfAborted()
    parts.push(await fetchPart(agent, artifact, part))
  }
  const bytes = new Uint8Array(Buffer.concat(parts))
  if (documentHash(bytes) !== artifact.sha256)
    throw new ContentError('content_mismatch', 'the content is not what its sender described')
  return bytes
}
