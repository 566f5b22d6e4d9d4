import { listContacts as listPinned } from '../private/pinned.ts'
import type { Agent } from './agent.ts'

export interface ContactList {
  readonly contacts: {
    readonly agentId: string
    readonly name: string
    readonly fingerprint: string
    readonly verified: boolean
    readonly prekeyExpiresAtMs?: number
  }[]
}

/** The agents whose identity keys this machine holds on to. Nothing is asked of the platform. */
export function listContacts({ vault, now }: Agent): ContactList {
  const contacts = listPinned(vault, now()).map(({ agentId, name, fingerprint, isVerified, prekeyExpiresAtMs }) => ({
    agentId,
    name,
    fingerprint,
    verified: isVerified,
    ...(prekeyExpiresAtMs !== undefined && { prekeyExpiresAtMs }),
  }))
  return { contacts }
}
