import type { KeyObject } from 'node:crypto'
import {
  fromBase64url,
  type IssuedRelayTokens,
  type IssueRelayTokensInput,
  RelayTokenClass,
  type RelayTokenEpochKeys,
  type RelayTokenKeys,
  toBase64url,
} from '@agent-marketplace/protocol'
import type { Deps } from '../deps.ts'
import { Refusal } from '../errors.ts'
import { FORGOTTEN_MAX, forgetDue } from '../forget-due.ts'
import { type Call, once, recall } from '../idempotency/operations.ts'
import { StorageUnusable } from '../storage/open-error.ts'
import { blindSign } from './blind-sign.ts'
import { makeIssuerKey, openIssuerKey } from './issuer-key.ts'
import { firstKeptEpoch, issuedEpochs, overdrawn, refuseEpoch, refuseOverdraw } from './rules.ts'
import {
  addDrawn,
  deleteDrawsBefore,
  deleteEpochsBefore,
  findDrawn,
  findKey,
  insertKey,
  type KeyName,
  listKeys,
  type StoredKey,
} from './store.ts'

/**
 * Sign blinded tokens, within the allowance that everybody has.
 *
 * Signing costs 80 ms for a full call, too long to hold a transaction open, so it is done before, one caller at a time: whoever would be
 * refused, or was answered before, is told so before anything is signed, and nobody makes the server sign more than it counts.
 *
 * @throws Refusal `wrong_state` for another epoch, or where no tokens are issued; `capacity_exceeded` beyond the allowance; `overloaded`.
 */
export async function issueTokens(deps: Deps, call: Call, input: IssueRelayTokensInput): Promise<IssuedRelayTokens> {
  if (deps.config.relayTokens === 'off') throw new Refusal('wrong_state', 'this server issues no relay tokens')
  const { epoch, class: tokenClass, blinded } = input
  const draw = { agentId: call.callerId, epoch, tokenClass }
  const count = blinded.length
  return deps.tokenTurns.take(async () => {
    const earlier = await recall<IssuedRelayTokens>(deps, call, input)
    if (earlier) return earlier
    refuseEpoch(epoch, deps.now())
    refuseOverdraw(tokenClass, { drawn: await deps.db.read((reader) => findDrawn(reader, draw)), count })

    const key = openKey(deps, await provideKey(deps, draw))
    const signatures = await blindSign(key, blinded.map(parseResidue))
    return once(deps, call, input, async (tx) => {
      if (!(await addDrawn(tx, draw, count))) throw overdrawn()
      return { epoch, class: tokenClass, signatures: signatures.map(toBase64url) }
    })
  })
}

/** The public keys in use, of this epoch and the next, and of the one before as long as its tokens are good. */
export async function listTokenKeys({ db, config, now }: Deps): Promise<RelayTokenKeys> {
  if (config.relayTokens === 'off') return { epochs: [] }
  const keys = (await db.read(listKeys)).filter(({ epoch }) => epoch >= firstKeptEpoch(now()))
  const epochs: RelayTokenEpochKeys[] = []
  for (const epoch of new Set(keys.map((key) => key.epoch))) {
    const modulusOf = (tokenClass: RelayTokenClass) =>
      keys.find((key) => key.epoch === epoch && key.tokenClass === tokenClass)?.modulus
    const [message, part] = [modulusOf('message'), modulusOf('part')]
    if (message && part) epochs.push({ epoch, message: toBase64url(message), part: toBase64url(part) })
  }
  return { epochs }
}

/**
 * See to it that tokens can be issued, at the start of the server.
 *
 * @throws StorageUnusable when keys lie in the database that the secret of this server does not open; with `--init` they are replaced.
 */
export async function prepareTokenKeys(deps: Deps): Promise<void> {
  if (deps.config.relayTokens === 'off') return
  const keys = await deps.db.read(listKeys)
  if (keys.some((key) => !openIssuerKey(key, deps.tokenSecret))) {
    if (!deps.config.init)
      throw new StorageUnusable(
        'the keys of relay tokens in the database belong to another relay-tokens.key: bring that file into the data directory, or replace them with --init',
      )
    await deps.db.write((tx) => deleteEpochsBefore(tx, Number.MAX_SAFE_INTEGER))
  }
  await sweepTokens(deps)
}

/** Make the keys of this epoch and the next where they are missing; forget keys and counts of epochs that are over. @returns how many of both. */
export async function sweepTokens(deps: Deps): Promise<number> {
  if (deps.config.relayTokens === 'off') return 0
  let made = 0
  for (const epoch of issuedEpochs(deps.now())) {
    for (const tokenClass of RelayTokenClass.options) {
      const isThere = await deps.db.read((reader) => findKey(reader, { epoch, tokenClass }))
      if (isThere) continue
      await provideKey(deps, { epoch, tokenClass })
      made++
    }
  }
  const first = firstKeptEpoch(deps.now())
  const forgotten = await forgetDue(deps.db, (tx, limit) => deleteDrawsBefore(tx, first, limit))
  // One call for the keys once their counts are gone: there are few.
  return made + forgotten + (forgotten < FORGOTTEN_MAX ? await deps.db.write((tx) => deleteEpochsBefore(tx, first)) : 0)
}

/** The key of an epoch and class, made now if it is the first time that somebody asks; all processes over one database have the same. */
async function provideKey({ db, tokenSecret }: Deps, { epoch, tokenClass }: KeyName): Promise<StoredKey> {
  const find = () => db.read((reader) => findKey(reader, { epoch, tokenClass }))
  const known = await find()
  if (known) return known
  const fresh = await makeIssuerKey({ epoch, tokenClass }, tokenSecret)
  await db.write((tx) => insertKey(tx, fresh))
  return (await find()) ?? fresh
}

function openKey({ tokenSecret }: Deps, stored: StoredKey): KeyObject {
  const key = openIssuerKey(stored, tokenSecret)
  if (!key) throw new Error('a key of relay tokens was sealed by a process with another secret')
  return key
}

function parseResidue(text: string): Uint8Array {
  const bytes = fromBase64url(text)
  if (!bytes) throw new Refusal('invalid_input', 'input.blinded: expected base64url')
  return bytes
}
