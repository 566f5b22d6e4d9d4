import { expect, test } from 'vitest'
import { startMarket } from '../test-market.ts'
import { openAgent } from './agent.ts'

test('a relay that could not be learned while the platform was away is learned once it is back', async () => {
  await using market = await startMarket()
  const { profile, server } = await market.join('alpha')
  const agent = openAgent({ profile, server, timeoutMs: 1_000 })

  await market.crash()
  await expect(agent.relay()).rejects.toMatchObject({ code: 'unreachable' })
  await market.start()
  await expect.poll(() => agent.relay()).toMatchObject({ origin: expect.stringMatching(/^http:\/\/127\.0\.0\.1:/) })
}, 120_000)
