import { SignedCard, SignedPrekey, Verdict, VerdictStatement } from '@agent-marketplace/protocol'
import { fingerprint } from '@agent-marketplace/protocol/signing'
import { isSignedPrekey, isSignedVerdict, openCard } from '@agent-marketplace/protocol/statements'
import { listFormerKeys } from '../private/former-keys.ts'
import { findContact } from '../private/pinned.ts'
import type { Vault } from '../private/vault.ts'
import { CliError, usage } from './cli-error.ts'
import { readPlainFile } from './read-file.ts'

/**
 * Why the key is taken for the signer's: `given` with `--card`, `pinned` on this machine, `former` one of a pinned agent, or `itself`: a card
 * names its own key, which proves nothing but that the card is whole.
 */
export type Basis = 'given' | 'pinned' | 'former' | 'itself'

export interface Checked {
  readonly valid: boolean
  /** Agent id. */
  readonly signer: string
  readonly fingerprint: string
  readonly basis: Basis
  /** What was signed. */
  readonly statement: object
}

/** One statement, or the list of a file that holds several. */
export type CheckedFile = Checked | { readonly valid: boolean; readonly results: Checked[] }

export interface VerifyInput {
  readonly path: string
  /** File with the card of the signer. */
  readonly cardPath?: string | undefined
  /** Where pinned keys are looked up; without one only a given card counts. */
  readonly vault?: Vault | undefined
  readonly nowMs: number
}

interface SignerKey {
  readonly signKey: string
  readonly basis: Basis
}

const STATEMENTS_BYTES_MAX = 4 * 1024 * 1024

/**
 * Check the signatures of verdicts or of a card, as `review list --json` and `agents show --json` print them. Offline.
 *
 * @throws CliError `usage` for a file that is neither; `not_found` if the key of a signer is not known here.
 */
export function verifyFile(input: VerifyInput): CheckedFile {
  const file = readJson(input.path)
  const verdicts = asVerdicts(file)
  if (!verdicts) return checkCard(file, input)
  const card = input.cardPath === undefined ? undefined : givenCard(input.cardPath)
  const results = verdicts.map((verdict) => checkVerdict(verdict, card, input))
  const [only] = results
  return results.length === 1 && only && !isList(file) ? only : { valid: results.every(({ valid }) => valid), results }
}

function checkVerdict(verdict: Verdict, card: { agentId: string; signKey: string } | undefined, input: VerifyInput): Checked {
  const signer = verdict.reviewerId
  if (card && card.agentId !== signer) throw usage(`the card is of ${card.agentId}, the verdict of ${signer}`)
  const keys: SignerKey[] = card ? [{ signKey: card.signKey, basis: 'given' }] : knownKeys(signer, input)
  const [first] = keys
  if (!first)
    throw new CliError('not_found', `no key of ${signer} is known on this machine`, {
      hint: 'name a file with its card: --card FILE',
    })
  const key = keys.find(({ signKey }) => isSignedVerdict(verdict, signKey))
  const { signKey, basis } = key ?? first
  const { reviewAssignmentId, targetAssignmentId, attempt, outcome, scoreBps, issuedAtMs } = verdict
  const statement = VerdictStatement.parse({ reviewAssignmentId, targetAssignmentId, attempt, outcome, scoreBps, issuedAtMs })
  return { valid: key !== undefined, signer, fingerprint: fingerprintOf(signKey), basis, statement }
}

function checkCard(file: unknown, { path, vault, nowMs }: VerifyInput): Checked {
  const signed = asCard(file)
  if (!signed)
    throw usage(`${path} holds neither verdicts nor a card`, 'save the output of `review list --json` or `agents show --json`')
  const card = openCard(signed)
  const claimed = card ?? claimedCard(signed)
  const prekey = SignedPrekey.safeParse((file as { prekey?: unknown }).prekey)
  const isWhole = card !== undefined && (!prekey.success || isSignedPrekey(prekey.data, card.signKey))
  const [pinned] = knownKeys(claimed.agentId, { vault, nowMs })
  return {
    valid: isWhole && (!pinned || pinned.signKey === claimed.signKey),
    signer: claimed.agentId,
    fingerprint: fingerprintOf(claimed.signKey),
    basis: pinned ? 'pinned' : 'itself',
    statement: claimed,
  }
}

/** The pinned key first, then those before it. */
function knownKeys(agentId: string, { vault, nowMs }: Pick<VerifyInput, 'vault' | 'nowMs'>): SignerKey[] {
  const contact = vault && findContact(vault, agentId, nowMs)
  if (!vault || !contact || contact.isClaimed) return []
  const encode = (key: Uint8Array) => Buffer.from(key).toString('base64url')
  return [
    { signKey: encode(contact.signKey), basis: 'pinned' },
    ...listFormerKeys(vault, agentId).map(({ signKey }) => ({ signKey: encode(signKey), basis: 'former' as const })),
  ]
}

function givenCard(path: string): { agentId: string; signKey: string } {
  const signed = asCard(readJson(path))
  const card = signed && openCard(signed)
  if (!card) throw usage(`${path} holds no genuine card`)
  return card
}

function asVerdicts(file: unknown): Verdict[] | undefined {
  const entries = isList(file) ? file.verdicts : [file]
  const parsed = entries.map((entry) => Verdict.safeParse(entry))
  return parsed.every(({ success }) => success) ? parsed.flatMap(({ data }) => data ?? []) : undefined
}

function isList(file: unknown): file is { verdicts: unknown[] } {
  return typeof file === 'object' && file !== null && 'verdicts' in file && Array.isArray(file.verdicts)
}

/** A card by itself, or the one inside of what `agents show` prints. */
function asCard(file: unknown): SignedCard | undefined {
  const inner = typeof file === 'object' && file !== null && 'card' in file ? file.card : file
  return SignedCard.safeParse(inner).data
}

/** What a card says that does not verify: shown, never believed. */
function claimedCard({ cardBytes }: SignedCard): { agentId: string; signKey: string } {
  try {
    const said = JSON.parse(Buffer.from(cardBytes, 'base64url').toString('utf8')) as Record<string, unknown>
    if (typeof said.agentId === 'string' && typeof said.signKey === 'string')
      return { ...said, agentId: said.agentId, signKey: said.signKey }
  } catch {
    // told below
  }
  throw usage('the bytes of the card are no card')
}

function readJson(path: string): unknown {
  const bytes = readPlainFile(path, STATEMENTS_BYTES_MAX)
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
  } catch {
    throw usage(`cannot read ${path}: it is not JSON`)
  }
}

function fingerprintOf(signKey: string): string {
  return fingerprint(Buffer.from(signKey, 'base64url'))
}
