import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Ended, Running, runCommand } from '../stage/process.ts'
import { Stage, type StagedAgent } from '../stage/stage.ts'

const LONG = process.env.LONG === '1'
const KILLS = LONG ? 100 : 8
const STORY_MS = LONG ? 900_000 : 180_000
const CLI = join(import.meta.dirname, '..', '..', 'bin', 'agent-marketplace')

let stage: Stage
let agent: StagedAgent
let peer: StagedAgent

/** Run as on a machine where new files are open to everybody. */
function runOpen(...args: string[]): Promise<Ended> {
  return runCommand('sh', ['-c', 'umask 000; exec "$0" "$@"', CLI, ...args, '--json'], { env: agent.env, cwd: agent.home })
}

beforeAll(async () => {
  stage = new Stage({ name: 'machine-' })
  agent = stage.agent('agent')
  peer = stage.agent('peer')
  await stage.server.start()
  await peer.json('register', '--agent-id', 'peer')
  expect(await runOpen('register', '--agent-id', 'agent')).toMatchObject({ exit: 0 })
})

afterAll(() => stage[Symbol.asyncDispose]())

test('sixteen commands at once share one home: each does its thing once, and nothing they leave is open to others', {
  timeout: STORY_MS,
}, async () => {
  const texts = Array.from({ length: 8 }, (_, index) => `at once ${index}`)
  const commands = [
    ...texts.map((text) => ['message', 'send', '--to', 'peer', '--text', text]),
    ...Array.from({ length: 4 }, () => ['task', 'create']),
    ...[['inbox'], ['contacts', 'list'], ['balance'], ['daemon', 'status']],
  ]
  const ended = await Promise.all(commands.map((command) => runOpen(...command)))
  expect(ended.map(({ exit, stdout, stderr }, index) => [commands[index], exit, exit === 0 ? '' : stdout + stderr])).toEqual(
    commands.map((command) => [command, 0, '']),
  )
  await expectReceived('at once', texts)
  expect((await agent.json('task', 'list')).tasks).toHaveLength(4)
  expectSound()
})

test(`${KILLS} commands killed at any moment: the same command again finishes each, once, and nothing is lost or exposed`, {
  timeout: STORY_MS,
}, async () => {
  const before = (await agent.json('task', 'list', '--limit', '100')).tasks.length
  // The shorter of two: a machine that stood still once would have all kills come too late.
  let wholeMs = Number.POSITIVE_INFINITY
  for (const text of ['how long it takes', 'and how long this time']) {
    const startedMs = performance.now()
    await runOpen('message', 'send', '--to', 'peer', '--text', text)
    wholeMs = Math.min(wholeMs, performance.now() - startedMs)
  }
  const countBlobs = () => readdirSync(join(stage.server.dataDirectory, 'relay', 'blobs'), { recursive: true }).length
  const texts: string[] = []
  let tasks = 0
  let killed = 0
  for (let turn = 0; turn < KILLS; turn++) {
    const isMessage = turn % 2 === 1
    const text = `killed ${turn}`
    if (isMessage) texts.push(text)
    else tasks += 1
    const command = isMessage ? ['message', 'send', '--to', 'peer', '--text', text] : ['task', 'create']
    const args = [...command, '--idempotency-key', `turn-${turn}`]
    const victim = new Running(CLI, [...args, '--json'], { env: agent.env, cwd: agent.home })
    const blobs = countBlobs()
    // The last as soon as its message is with the relay; all others spread over the whole run, from its very beginning to a little beyond.
    if (turn === KILLS - 1) while (!victim.hasEnded && countBlobs() === blobs) await sleep(1)
    else await Promise.race([once(victim.child, 'exit'), sleep(wholeMs * (turn / KILLS) * 1.2)])
    if (!victim.hasEnded) killed += 1
    await victim.stop('SIGKILL')
    expect(await runOpen(...args)).toMatchObject({ exit: 0, stderr: '' })
  }
  expect(killed).toBeGreaterThan(0)
  await expectReceived('killed', texts)
  expect((await agent.json('task', 'list', '--limit', '100')).tasks.length).toBe(Math.min(100, before + tasks))
  expectSound()
})

/** The peer has these texts that begin like this, each once, and still does when the next tick of the feed has passed. */
async function expectReceived(beginning: string, texts: readonly string[]): Promise<void> {
  const received = async () => {
    const { messages } = await peer.json('inbox', '--limit', '1000')
    return messages
      .map(({ summary }: { summary: string }) => summary)
      .filter((text: string) => text.startsWith(beginning))
      .sort()
  }
  await expect.poll(received, { timeout: 60_000, interval: 500 }).toEqual(texts.toSorted())
  await sleep(1_500)
  expect(await received()).toEqual(texts.toSorted())
}

/** The vault is whole, and everything is 0600 and 0700. */
function expectSound(): void {
  using vault = new DatabaseSync(join(agent.home, 'profiles', 'default', 'vault.sqlite'), { readOnly: true })
  expect(vault.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  const entries = readdirSync(agent.home, { recursive: true, withFileTypes: true })
  const modes = entries.map((entry) => {
    const path = join(entry.parentPath, entry.name)
    return [path, (statSync(path).mode & 0o777).toString(8)]
  })
  expect(modes.length).toBeGreaterThan(3)
  expect(modes).toEqual(entries.map((entry, index) => [modes[index]?.[0], entry.isDirectory() ? '700' : '600']))
}
