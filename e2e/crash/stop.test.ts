// SIGTERM under load: what the server accepted it answers, what it answered is there, and it ends by itself. LONG=1: as often as design/quality.md promises.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeAgent } from '../stage/call.ts'
import { ORIGIN, startControl } from '../stage/control.ts'
import { Depositors } from './depositors.ts'

const LONG = process.env.LONG === '1'
const STOPS = LONG ? 100 : 4
const CLIENTS = 8
const STOP_MAX_MS = 10_000
const PATIENCE_MS = LONG ? 3_600_000 : 120_000

test(
  `${STOPS} times SIGTERM under ${CLIENTS} clients and one that waits: no accepted request is dropped, exit 0 within 10 s`,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stop-'))
    const [giver, listener] = [makeAgent('giver', ORIGIN), makeAgent('listener', ORIGIN)]
    let given = 0
    for (let stop = 1; stop <= STOPS; stop++) {
      const { server, port, call } = await startControl(directory, { flags: ['--rate-limits', 'off'] })
      if (stop === 1) for (const agent of [giver, listener]) await agent.register(call)
      const token = await giver.openSession(call)
      expect(await call('settlement.balance', {}, { token }), `before stop ${stop}`).toEqual({
        available: String(given),
        held: '0',
      })
      const waiting = call('events.wait', { timeoutMs: 60_000 }, { token: await listener.openSession(call) })
      const depositors = new Depositors(CLIENTS, { port, token, word: `stop-${stop}` })
      await depositors.untilAnswered(CLIENTS + Math.floor(Math.random() * 100))

      const beganAtMs = performance.now()
      expect(await server.stop(), server.stderr).toBe(0)
      expect(performance.now() - beganAtMs).toBeLessThan(STOP_MAX_MS)
      await depositors.ended
      expect({ dropped: depositors.dropped, refused: depositors.refused }).toEqual({ dropped: [], refused: [] })
      expect(await waiting).toMatchObject({ events: [] })
      given += depositors.answered.length
    }
    rmSync(directory, { recursive: true })
  },
  PATIENCE_MS,
)
