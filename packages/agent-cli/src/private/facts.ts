import type { Vault } from './vault.ts'

/** A small fact such as a cursor, `undefined` if it was never written. */
export function readFact(vault: Vault, name: string): string | undefined {
  return vault.get<{ value: string }>('SELECT value FROM facts WHERE name = ?', name)?.value
}

export function writeFact(vault: Vault, name: string, value: string): void {
  vault.run('INSERT OR REPLACE INTO facts VALUES (?, ?)', name, value)
}
