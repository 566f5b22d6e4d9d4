import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An empty place for a database, to be opened by this process or by others. */
export interface Place extends AsyncDisposable {
  /** What belongs to it besides the database; the embedded engine keeps its file there. */
  readonly directory: string
  /** What `--database` says; nothing for the embedded engine. */
  readonly database: string | undefined
}

/** Which engine a test runs on. */
export interface Engine {
  readonly name: 'SQLite' | 'PostgreSQL'
  readonly open: () => Promise<Place>
}

export const sqlite: Engine = {
  name: 'SQLite',
  open: async () => {
    const directory = mkdtempSync(join(tmpdir(), 'platform-'))
    return {
      directory,
      database: undefined,
      [Symbol.asyncDispose]: async () => rmSync(directory, { recursive: true, force: true }),
    }
  },
}
