import { openVault } from '../private/vault.ts'
import { workDone } from '../private/work-log.ts'
import { type Policy, readPolicy, writePolicy } from '../settings/policy.ts'
import { type PolicyText, parsePolicy } from './parse-policy.ts'

/** A policy and how much of its daily budget is used. */
export interface PolicyReport {
  readonly policy: Policy
  /** Within the last 24 hours. */
  readonly used: { readonly jobs: number; readonly durationMs: number }
}

/** Set what is named of the policy of a profile. Nothing is written when nothing is named. @throws CliError as `parsePolicy` and `readPolicy`. */
export async function setPolicy(directory: string, text: PolicyText, { isReset }: { isReset: boolean }): Promise<void> {
  const change = parsePolicy(text)
  if (isReset || Object.keys(change).length > 0) await writePolicy(directory, change, { isReset })
}

/** @param directory - The profile's. */
export function showPolicy(directory: string): PolicyReport {
  const policy = readPolicy(directory)
  const vault = openVault(directory)
  try {
    const { jobs, ms } = workDone(vault, Date.now())
    return { policy, used: { jobs, durationMs: ms } }
  } finally {
    vault.close()
  }
}
