import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { LowSync, type SyncAdapter } from 'lowdb'
import { localState } from '../agent/cli-error.ts'
import { CHAIN_ID, ChainDocument } from '../chain/chain-document.ts'
import { acquireFileLock } from './file-lock.ts'
import { ensurePrivateDirectory, readPrivateFile, writePrivateFile } from './files.ts'

const FOLDER = 'chains'
/** Whoever only asks holds the lock for an instant: that is waited out by whoever wants it. */
const ACQUIRE_MS = 500

/** A chain this process alone moves on. */
export interface OwnedChain {
  readonly document: ChainDocument
  /** Replace the document. On return it is on disk, whatever happens next; if that fails the old one stands. */
  save(next: ChainDocument): void
  release(): void
}

/** Where what belongs to the chains of a profile is kept. */
export function chainsDirectory(profileDirectory: string): string {
  return join(profileDirectory, FOLDER)
}

/**
 * Keep a new chain, owned by this process.
 *
 * @throws CliError `local_state` if it cannot be written.
 */
export function createChain(profileDirectory: string, document: ChainDocument): OwnedChain {
  const owned = own(profileDirectory, document.chainId)
  if (!owned) throw localState('another process has just made a chain of the same name')
  const { db, release } = owned
  try {
    return toOwned(db, release, document)
  } catch (error) {
    release()
    throw error
  }
}

/**
 * Take over a chain.
 *
 * @returns `undefined` if there is no such chain, `'owned'` if another process has it.
 * @throws CliError `local_state` if its document cannot be read.
 */
export function acquireChain(profileDirectory: string, chainId: string): OwnedChain | 'owned' | undefined {
  if (!readChain(profileDirectory, chainId)) return undefined
  const owned = own(profileDirectory, chainId)
  if (!owned) return 'owned'
  const { db, release } = owned
  try {
    db.read()
    return toOwned(db, release)
  } catch (error) {
    release()
    throw error
  }
}

/** @returns the chain as it is on disk, or `undefined`. @throws CliError `local_state` if it cannot be read. */
export function readChain(profileDirectory: string, chainId: string): ChainDocument | undefined {
  if (!CHAIN_ID.test(chainId)) return undefined
  const db = open(profileDirectory, chainId)
  db.read()
  return db.data ?? undefined
}

/** Every chain of a profile, the newest first. */
export function listChains(profileDirectory: string): ChainDocument[] {
  const directory = chainsDirectory(profileDirectory)
  ensurePrivateDirectory(directory)
  const ids = readdirSync(directory).flatMap((name) => {
    const id = name.replace(/\.json$/, '')
    return name.endsWith('.json') && CHAIN_ID.test(id) ? [id] : []
  })
  return ids
    .flatMap((id) => readChain(profileDirectory, id) ?? [])
    .sort((a, b) => b.createdAtMs - a.createdAtMs || (a.chainId < b.chainId ? -1 : 1))
}

/** @returns whether a process moves this chain on right now. */
export function isChainOwned(profileDirectory: string, chainId: string): boolean {
  const lock = acquireFileLock(pathOf(profileDirectory, chainId, 'lock'), 0)
  lock?.release()
  return lock === undefined
}

type Database = LowSync<ChainDocument | null>

function own(profileDirectory: string, chainId: string): { db: Database; release: () => void } | undefined {
  ensurePrivateDirectory(chainsDirectory(profileDirectory))
  const lock = acquireFileLock(pathOf(profileDirectory, chainId, 'lock'), ACQUIRE_MS)
  return lock && { db: open(profileDirectory, chainId), release: lock.release }
}

function open(profileDirectory: string, chainId: string): Database {
  return new LowSync(chainAdapter(pathOf(profileDirectory, chainId, 'json')), null)
}

function toOwned(db: Database, release: () => void, first?: ChainDocument): OwnedChain {
  const save = (next: ChainDocument) => {
    const before = db.data
    db.data = next
    try {
      db.write()
    } catch (error) {
      db.data = before
      throw error
    }
  }
  if (first) save(first)
  return {
    get document() {
      if (!db.data) throw new Error('an owned chain has a document')
      return db.data
    },
    save,
    release,
  }
}

/** A file of mode 0600, whole after a crash at any point: the stock adapter neither syncs nor sets a mode. What is read is parsed. */
function chainAdapter(path: string): SyncAdapter<ChainDocument | null> {
  return {
    read() {
      const bytes = readPrivateFile(path)
      return bytes ? parse(path, bytes) : null
    },
    write: (document) => writePrivateFile(path, JSON.stringify(document)),
  }
}

function parse(path: string, bytes: Uint8Array): ChainDocument {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    const parsed = ChainDocument.safeParse(value)
    if (parsed.success) return parsed.data
    if (typeof value === 'object' && value !== null && 'version' in value && value.version !== 1)
      throw localState(`${path} was written by another version of this program`)
    throw localState(`${path} is not a chain as this program writes it`)
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError)
      throw localState(`${path} is damaged: it is not JSON`, { cause: error })
    throw error
  }
}

function pathOf(profileDirectory: string, chainId: string, ending: 'json' | 'lock'): string {
  return join(chainsDirectory(profileDirectory), `${chainId}.${ending}`)
}
