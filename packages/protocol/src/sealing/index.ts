export {
  ARTIFACT_KEY_BYTES,
  derivePart,
  generateArtifactKey,
  openArtifactPart,
  type PartAddress,
  type PartKeys,
  type SealedPart,
  sealArtifactPart,
} from './artifact.ts'
export { type ArtifactPlan, checkPlan, partRange, planArtifact } from './artifact-plan.ts'
export {
  DOCUMENT_BYTES_MAX,
  type DocumentOf,
  type DocumentTyp,
  documentHash,
  documents,
  isDocumentTyp,
  readDocument,
  readSpilled,
  writeDocument,
  writeSpilled,
} from './documents.ts'
export {
  type DropKeys,
  FRAME_BYTES_MAX,
  matchRecord,
  openDropBody,
  prepareScanner,
  type Scanner,
  type SealedDrop,
} from './drop.ts'
export {
  DOC_BYTES_MAX_IN_DROP,
  type DropEnds,
  type Frame,
  parseFrame,
  verifyFrame,
} from './frame.ts'
export { type OutgoingMessage, sealMessage } from './message.ts'
export { ARTIFACTS_MAX, FILE_NAME_CHARS_MAX, LockedArtifact, lockArtifacts, SealedArtifact } from './sealed-artifact.ts'
export { Check, Validators } from './validators.ts'
export { generatePrekey, SmallOrderKeyError, X25519_KEY_BYTES, type X25519Pair } from './x25519.ts'
