import { expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { CutConnection, startTestPlatform } from '../test-platform.ts'
import { openAgent } from './agent.ts'
import { createInvite } from './create-invite.ts'
import { register } from './register.ts'

const HOUR_MS = 3_600_000

test('a repeated command after a lost reply asks for the same invite, until the same moment', async () => {
  using home = makeTestHome()
  let isLost = true
  await using server = await startTestPlatform({
    'operators.createInvite': ({ input }) => {
      if (isLost) throw new CutConnection()
      const { uses, expiresAtMs } = input as { uses: number; expiresAtMs: number }
      return { inviteId: 'inv_00000000000000000000000000', uses, usesLeft: uses, createdAtMs: 0, expiresAtMs }
    },
  })
  let nowMs = Date.now()
  const profile = { name: 'default', directory: `${home.path}/profiles/default` }
  const options = { profile, server: server.origin, timeoutMs: 30_000, now: () => nowMs }
  await register(options, { agentId: 'ops' })
  const agent = openAgent(options)
  const impatient = openAgent({ ...options, timeoutMs: 100 })
  await expect(createInvite(impatient, { uses: 3, expiresInMs: HOUR_MS })).rejects.toMatchObject({ code: 'unreachable' })

  isLost = false
  nowMs += 60_000
  const invite = await createInvite(agent, { uses: 3, expiresInMs: HOUR_MS })

  const asked = server.asked.filter(({ name }) => name === 'operators.createInvite')
  expect(new Set(asked.map(({ key }) => key)).size).toBe(1)
  expect(new Set(asked.map(({ input }) => JSON.stringify(input))).size).toBe(1)
  expect(invite).toMatchObject({ uses: 3, expiresAtMs: nowMs - 60_000 + HOUR_MS })
  await createInvite(agent, { uses: 3, expiresInMs: HOUR_MS })
  expect(server.asked.at(-1)).toMatchObject({ input: { expiresAtMs: nowMs + HOUR_MS } })
})
