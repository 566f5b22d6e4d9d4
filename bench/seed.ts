import { generateSigningKey } from '@agent-marketplace/protocol/signing'
import { BeatGate } from '../packages/platform-server/src/beat-gate.ts'
import { parseConfig } from '../packages/platform-server/src/config.ts'
import { createDeps, type Deps } from '../packages/platform-server/src/deps.ts'
import { createLog } from '../packages/platform-server/src/log.ts'
import { loadInstanceId } from '../packages/platform-server/src/storage/installation.ts'
import { openControlDatabase } from '../packages/platform-server/src/storage/open.ts'
import { callAs, proveKey, signCard, signPrekey } from '../packages/platform-server/test/platform.ts'

/** Lets every beat in: what is measured is what a beat costs, not how many are let in. */
class OpenGate extends BeatGate {
  override enter(): boolean {
    return true
  }
}

/** Open the storage of a server, as the server does. */
export async function openDeps(directory: string): Promise<Deps> {
  const db = await openControlDatabase({ directory, create: true })
  const { config } = parseConfig(['--data', directory], {})
  const instanceId = await loadInstanceId(db, Date.now())
  return createDeps({ db, config, log: createLog('error'), instanceId, beatGate: new OpenGate() })
}

/** Register an agent and open a session for it, before any server runs over this directory. @returns the session's token. */
export async function seedAgent(directory: string): Promise<string> {
  const deps = await openDeps(directory)
  const agentId = 'bench'
  const keys = generateSigningKey()
  const nowMs = deps.now()
  const proof = () => proveKey(keys, { agentId, audience: deps.config.origin, nowMs })
  await callAs(deps, undefined, 'register').identity.register({
    card: signCard(keys, { agentId, nowMs }),
    proof: proof(),
    prekey: signPrekey(keys, { agentId, nowMs }),
  })
  const { token } = await callAs(deps).identity.openSession(proof())
  await deps.db.close()
  return token
}
