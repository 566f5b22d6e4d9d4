import { expect } from 'vitest'
import { findFreePort } from '../../packages/platform-server/test/free-port.ts'
import type { Ended } from '../stage/process.ts'
import { Stage, type StagedAgent } from '../stage/stage.ts'
import { type HostileRelay, type Lie, startHostileRelay } from './hostile-relay.ts'
import { saying } from './lies.ts'

/** What a command says of an answer that no relay gives. */
export const NO_RELAY = 'what answered is not a relay of Agent Marketplace'

/** A platform whose relay is hostile, and two agents who know no other. */
export interface HostileStage extends AsyncDisposable {
  readonly stage: Stage
  readonly relay: HostileRelay
  readonly alice: StagedAgent
  readonly bob: StagedAgent
  /** What bob's inbox says once it lists so many messages. */
  arrived(count: number): Promise<{ rejected: number; texts: string[] }>
  /** Send whoever asks to another origin. */
  redirect(status: number): Lie
  /** The relay lies no more; and wherever an answer led, nobody went there. */
  expectNobodyElsewhere(): void
}

export async function openHostileStage(): Promise<HostileStage> {
  const stage = new Stage()
  const [port, relayPort] = [await findFreePort(), await findFreePort()]
  const relay = await startHostileRelay(relayPort)
  const behind = { listen: `127.0.0.1:${port}`, relayListen: `127.0.0.1:${relayPort}` }
  await stage.server.start(['--origin', `http://127.0.0.1:${port}`, '--relay-origin', relay.origin], behind)
  const [alice, bob] = [stage.agent('alice'), stage.agent('bob')]
  await Promise.all([alice.json('register', '--agent-id', 'alice'), bob.json('register', '--agent-id', 'bob')])
  return {
    stage,
    relay,
    alice,
    bob,
    async arrived(count) {
      for (;;) {
        const { messages, rejected } = await bob.json('inbox', '--wait', '5', '--limit', '100')
        if (messages.length < count) continue
        expect(messages).toHaveLength(count)
        return { rejected, texts: messages.map(({ summary }: { summary: string }) => summary) }
      }
    },
    redirect(status) {
      const { origin } = relay.elsewhere
      const ways = { location: `${origin}/elsewhere`, refresh: `0; url=${origin}`, 'alt-svc': `h2="${new URL(origin).host}"` }
      return saying(status, '', ways)
    },
    expectNobodyElsewhere() {
      relay.repent()
      expect(relay.elsewhere.requests).toEqual([])
    },
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]()
      await stage[Symbol.asyncDispose]()
    },
  }
}

/** What is said of a platform and of a relay that say nothing for a second. */
const LATE = 'did not answer in time'

/** Run a command that gives up within a second. What fails because this machine stood still for so long, and not because of what is `expected`, is run again. */
export async function runAtOnce(agent: StagedAgent, args: readonly string[], expected = ''): Promise<Ended> {
  const ended = await agent.run([...args, '--timeout', '1'])
  return ended.stderr.includes(LATE) && !expected.includes(LATE) ? runAtOnce(agent, args, expected) : ended
}

/** A failure says one thing in one line, and perhaps what to do about it, and nothing else. */
export function expectFailure({ exit, stdout, stderr }: Ended, expected: number, message: string): void {
  const oneLine = expect.stringMatching(/^Error: [^\n]+\n(Hint: [^\n]+\n)?$/)
  expect({ exit, stdout, stderr }).toEqual({ exit: expected, stdout: '', stderr: oneLine })
  expect(stderr).toContain(message)
}
