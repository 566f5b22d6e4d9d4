import { type Contact, RELAY_TTL_MS, type RelayTtl, toBase64url } from '@agent-marketplace/protocol'
import {
  DOC_BYTES_MAX_IN_DROP,
  type DocumentOf,
  type DocumentTyp,
  documentHash,
  generateArtifactKey,
  type LockedArtifact,
  planArtifact,
  type SealedArtifact,
  type SealedDrop,
  sealMessage,
  writeDocument,
  writeSpilled,
} from '@agent-marketplace/protocol/sealing'
import { findSent, keepForSending, replaceDrop, type UnsentDrop } from '../private/outbox.ts'
import { listSpooled, type SpooledUpload } from '../private/transfers.ts'
import type { Vault } from '../private/vault.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { drawDelayMs } from './handoff-delay.ts'
import { resolveContact, resolveVouched } from './resolve-contact.ts'

/** How long the relay keeps a drop nobody reads. */
const DROP_TTL: RelayTtl = '7d'

export interface DocumentToSeal<T extends DocumentTyp> {
  readonly to: string
  readonly typ: T
  readonly document: DocumentOf<T>
  /** What it is sent for. A purpose is served once: sealing for it again sends nothing new. */
  readonly purpose: string
  /** It leaves only after these files; those whose keys it carries if not given. */
  readonly after?: readonly SealedArtifact[] | undefined
  /** Card and prekey of the recipient in the word of somebody whose word is enough for this document, and for nothing else. */
  readonly vouched?: Contact | undefined
}

/**
 * Seal a document to a contact and keep it in the outbox. Nothing is sent yet; from here on it will be, whatever happens to this process.
 * One that does not fit a drop travels as an artifact, and the drop names that.
 *
 * @returns The id of the message; that of the earlier one if its purpose was served before.
 * @throws CliError as `resolveContact`.
 */
export async function sealDocument<T extends DocumentTyp>(
  agent: Agent,
  { to, typ, document, purpose, after, vouched }: DocumentToSeal<T>,
): Promise<string> {
  const { vault } = agent
  const earlier = findSent(vault, typ, purpose)
  if (earlier) return earlier.messageId

  const doc = writeDocument(typ, document)
  const spillKey = doc.length > DOC_BYTES_MAX_IN_DROP ? generateArtifactKey() : undefined
  const sealed = await sealTo(agent, { to, typ, doc, spillKey, vouched })
  const assignmentId = 'assignmentId' in document ? document.assignmentId : undefined
  const nowMs = agent.now()
  const files = spooledOf(vault, after ?? keyedArtifacts(document))
  const rests = [nowMs + drawDelayMs(agent.handoff.delay), ...files.map(({ holdUntilMs }) => holdUntilMs)]
  const uploadIds = files.map(({ uploadId }) => uploadId)
  const about = { purpose, to, typ, assignmentId, doc, spillKey, ttl: DROP_TTL }
  return keepForSending(vault, { ...about, ...sealed, holdUntilMs: Math.max(...rests), uploadIds }, nowMs)
}

/** The files that a document gives the keys of. */
function keyedArtifacts(document: object): readonly SealedArtifact[] {
  const artifacts = 'artifacts' in document ? (document.artifacts as readonly (SealedArtifact | LockedArtifact)[]) : []
  return artifacts.filter((artifact) => 'K' in artifact)
}

function spooledOf(vault: Vault, artifacts: readonly SealedArtifact[]): SpooledUpload[] {
  const keys = new Set(artifacts.map(({ K }) => K))
  return keys.size === 0 ? [] : listSpooled(vault).filter(({ artifactKey }) => keys.has(toBase64url(artifactKey)))
}

/**
 * Seal the document of a drop that was not sent anew, under the card and the key of now. It leaves when the first one would have.
 *
 * @throws CliError as `resolveContact`.
 */
export async function resealDrop(agent: Agent, drop: UnsentDrop): Promise<void> {
  replaceDrop(agent.vault, drop, await sealTo(agent, drop))
}

async function sealTo(
  agent: Agent,
  {
    to,
    typ,
    doc,
    spillKey,
    vouched,
  }: Pick<UnsentDrop, 'to' | 'typ' | 'doc' | 'spillKey'> & Pick<DocumentToSeal<never>, 'vouched'>,
): Promise<{ drop: SealedDrop; signKey: Uint8Array }> {
  const { prekey } = vouched ? await resolveVouched(agent, vouched) : await resolveContact(agent, to)
  const { card, signKey } = await agent.identity()
  const sentAtMs = agent.now()
  const said = spillKey ? describeSpilled(doc, spillKey, sentAtMs + RELAY_TTL_MS[DROP_TTL]) : doc
  const signingSecret = signKey.secretKey
  return {
    drop: sealMessage({ from: agent.agentId, card, signingSecret, to, prekey, sentAtMs, typ, doc: said }),
    signKey: signKey.publicKey,
  }
}

/**
 * As `sealDocument`, for one of several recipients who must not keep the others from getting theirs.
 *
 * @returns `undefined` for one that nothing can be sealed to now.
 */
export async function sealIfPossible<T extends DocumentTyp>(
  agent: Agent,
  outgoing: DocumentToSeal<T>,
): Promise<string | undefined> {
  try {
    return await sealDocument(agent, outgoing)
  } catch (error) {
    if (error instanceof CliError && (error.code === 'wrong_state' || error.code === 'not_found')) return undefined
    throw error
  }
}

function describeSpilled(doc: Uint8Array, key: Uint8Array, expiresAtMs: number): Uint8Array {
  const { bytes, partBytes, parts } = planArtifact(doc.length)
  return writeSpilled({
    K: toBase64url(key),
    bytes,
    partBytes,
    parts,
    name: 'document.json',
    mediaType: 'application/json',
    sha256: documentHash(doc),
    expiresAtMs,
  })
}
