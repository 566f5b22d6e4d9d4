import { expect, test } from 'vitest'
import { startMarket } from '../test-market.ts'

test('a relay that could not be learned while the platform was away is learned once it is back', async () => {
  await using market = await startMarket()
  const agent = (await market.join('alpha')).reopen()

  await market.crash()
  await expect(agent.relay()).rejects.toMatchObject({ code: 'unreachable' })
  await market.start()
  await expect(agent.relay()).resolves.toMatchObject({ origin: expect.stringMatching(/^http:\/\/127\.0\.0\.1:/) })
}, 120_000)
