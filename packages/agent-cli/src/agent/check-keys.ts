import { join } from 'node:path'
import { findNextIdentity } from '../private/key-change.ts'
import { KEYRING_FILE, readKeyring } from '../private/keyring.ts'
import { listUnshownPasses } from '../private/unshown-passes.ts'
import type { Agent } from './agent.ts'
import { listContacts } from './contacts.ts'

/** The key file is there, whole and closed to others (reading it says so), and its recovery key is in its owner's hands. */
export function checkKeyring({ profile }: Agent): string {
  const keyring = readKeyring(profile.directory)
  if (keyring?.recoverySecret)
    throw new Error(
      `the recovery key was never shown: \`register --agent-id ${keyring.agentId}\` shows it once; without it a lost key is lost for good`,
    )
  return `${join(profile.directory, KEYRING_FILE)} is yours alone; keep the recovery key elsewhere`
}

/** No change of key waits for an answer. */
export function checkKeyChange({ vault }: Agent): string {
  if (findNextIdentity(vault)) throw new Error('a change of key is under way: `key rotate` finishes it')
  return 'none is under way'
}

/** The platform showed nobody with another key than the pinned one. What a message says of whom it is, anybody can write. */
export function checkPins(agent: Agent): string {
  const { contacts } = listContacts(agent)
  const shownBy = (source: string) => contacts.filter(({ conflict }) => conflict?.source === source).map(({ agentId }) => agentId)
  const changed = shownBy('platform')
  if (changed.length > 0)
    throw new Error(`another key was shown for ${changed.join(', ')}: compare with them, then \`contacts trust\``)
  const counted = `${contacts.length} pinned, ${contacts.filter(({ verified }) => verified).length} compared`
  const named = shownBy('message')
  return named.length === 0 ? counted : `${counted}; messages under other keys than theirs named ${named.join(', ')}`
}

/** Nothing is said to have passed that nothing signed bears out. */
export function checkPasses({ vault }: Agent): string {
  const [unshown, ...more] = listUnshownPasses(vault)
  if (unshown) {
    const { assignmentId, attempt, reason } = unshown
    const others = more.length === 0 ? '' : `; and ${more.length} more`
    throw new Error(`attempt ${attempt} of ${assignmentId} is said to have passed: ${reason}. Its keys are kept${others}`)
  }
  return 'whatever is said to have passed was signed for'
}
