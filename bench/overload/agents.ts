import { hashToken, makeToken } from '../../packages/platform-server/src/identity/token.ts'
import { joinPlatform } from '../scene.ts'
import type { openDeps } from '../seed.ts'

const HOUR_MS = 3_600_000

/** Register so many agents, all at once as copies of one, each with a session. @returns their tokens. */
export async function registerMany(deps: Awaited<ReturnType<typeof openDeps>>, count: number): Promise<string[]> {
  await joinPlatform(deps, 'template')
  const tokens = Array.from({ length: count }, () => makeToken('session'))
  await deps.db.write(async (tx) => {
    await tx.run(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < CAST($1 AS INTEGER))
       INSERT INTO agents SELECT 'beater-' || CAST(n AS TEXT), status, 2, sign_key, 1, card_bytes, card_signature, registered_at_ms
       FROM agents, numbers WHERE agent_id = 'template'`,
      [count],
    )
    for (const [index, token] of tokens.entries())
      await tx.run('INSERT INTO login_sessions (token_hash, agent_id, expires_at_ms) VALUES ($1, $2, $3)', [
        hashToken(token),
        `beater-${index + 1}`,
        deps.now() + HOUR_MS,
      ])
  })
  return tokens
}
