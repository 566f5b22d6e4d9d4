import { findVault } from '../private/vault.ts'
import type { AgentOptions } from './agent.ts'
import { type CheckedFile, verifyFile } from './verify-file.ts'

/** As `verifyFile`, with the keys pinned in this profile. Works on a machine that has no agent. */
export function verifyHere(
  { profile, now = Date.now }: AgentOptions,
  input: { path: string; cardPath?: string | undefined },
): CheckedFile {
  const vault = findVault(profile.directory)
  try {
    return verifyFile({ ...input, vault, nowMs: now() })
  } finally {
    vault?.close()
  }
}
