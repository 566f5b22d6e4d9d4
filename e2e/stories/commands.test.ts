import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { argvOf, CommandRunner, examplesOf, parseCommandLine, readManifest } from '../stage/command-lines.ts'
import { COMMAND_TABLE } from '../stage/command-table.ts'
import { Stage } from '../stage/stage.ts'

const commands = readManifest()
const entries = Object.entries(commands)
const words = (text = '') => text.split(' ').filter(Boolean)
const GLOBAL = ['server', 'profile', 'timeout', 'json', 'relay', 'relay-proxy']
const ID = '0'.repeat(26)
/** Something for every name that an example leaves open. */
const ANY = {
  ...{
    AGENT: 'my-agent',
    CAPABILITY: 'text.extract',
    TASK: `task_${ID}`,
    ASSIGNMENT: `asg_${ID}`,
    REVIEW: `asg_${ID}`,
    DATA: '.',
  },
  ...{ SESSION: `ses_${ID}`, HOLD: `hold_${ID}`, INVITE: `inv_${ID}`, MESSAGE: `msg_${ID}`, CHAIN: `chain_${ID}` },
}

describe('every command', () => {
  test.each(entries)('%s says what it does, has flags for all, and its examples are command lines', async (id, entry) => {
    expect(entry.summary, 'summary').toMatch(/^[A-Z].*\.$/)
    expect(entry.description, 'description').toBeTruthy()
    expect(Object.keys(entry.flags)).toEqual(expect.arrayContaining(GLOBAL))
    expect(examplesOf(entry).length).toBeGreaterThan(0)
    for (const line of examplesOf(entry)) {
      // `settle` and `hold` are words of their own with words below them: the longest row of words is the command.
      expect(await parseCommandLine(argvOf(line, ANY)), line).toBe(id)
    }
  })

  test.each(COMMAND_TABLE)('$id is there as it was promised', ({ id, flags, aliases }) => {
    const entry = commands[id.replaceAll(' ', ':')]
    expect(entry, id).toBeDefined()
    for (const name of words(flags)) {
      const flag = entry?.flags[name.replace('*', '')]
      expect(flag, `--${name}`).toBeDefined()
      expect([name, flag?.required === true]).toEqual([name, name.startsWith('*')])
    }
    expect(entry?.hiddenAliases).toEqual(expect.arrayContaining(words(aliases)))
    expect(entry?.aliases, 'aliases stay out of the help').toEqual([])
  })
})

/** Run by tests of their own: what waits for others, needs a server of another kind, or looks at everything. */
const ELSEWHERE = /^(?:chain:(?:run|resume|show|cancel)|contacts:trust$|privacy:|mcp$|review:run$|operator:agents:approve$)/

test('the first example of every command really runs, and answers with the fields that were promised', {
  timeout: 240_000,
}, async () => {
  await using stage = new Stage()
  await using runner = new CommandRunner()
  await stage.server.start(['--operator', 'operator'])
  const known: Record<string, string> = { AGENT: 'my-agent', CAPABILITY: 'text.extract' }
  const ran = new Set<string>()
  let reviews: { verdicts?: object[] } = {}

  async function type(agent: string, line: string) {
    const cwd = join(stage.directory, agent)
    mkdirSync(cwd, { recursive: true })
    for (const name of ['mail.txt', 'order.md', 'notes.txt', 'result.json', 'sealed.bin', 'work.sh'])
      writeFileSync(join(cwd, name), '{"mail":"a@b.example"}', { mode: 0o700 })
    const env = {
      ...{ HOME: cwd, XDG_CONFIG_HOME: join(cwd, 'config'), AGENT_MARKETPLACE_HOME: join(cwd, 'home') },
      // No service of whoever runs this test has that name.
      ...{ AGENT_MARKETPLACE_SERVER: stage.server.origin, AGENT_MARKETPLACE_PROFILE: 'examples-of-a-test' },
    }
    const { exit, out, err } = await runner.run({ argv: [...argvOf(line, known), '--json'], env, cwd })
    expect([agent, line, exit, exit === 0 ? '' : `${out}${err}`]).toEqual([agent, line, 0, ''])
    const lines = out.trim().split('\n')
    const result = lines.at(-1) === '' ? {} : JSON.parse(lines.at(-1) ?? '')
    for (const [name, key] of [
      ['TASK', 'taskId'],
      ['SESSION', 'sessionId'],
      ['HOLD', 'holdId'],
      ['INVITE', 'inviteId'],
      ['MESSAGE', 'messageId'],
    ] as const)
      if (typeof result[key] === 'string') known[name] = result[key]
    if (typeof result.assignmentId === 'string') known[result.kind === 'review' ? 'REVIEW' : 'ASSIGNMENT'] = result.assignmentId
    return result
  }

  /** Type examples from the help, the first of each or the one that is named: `assign#2`. */
  async function examples(agent: string, ...ids: string[]) {
    let last: Record<string, string> = {}
    for (const each of ids) {
      const [id = '', at = '1'] = each.split('#')
      const entry = commands[id.replaceAll(' ', ':')]
      const result = await type(agent, examplesOf(entry as NonNullable<typeof entry>)[Number(at) - 1] ?? '')
      const promised = words(COMMAND_TABLE.find((row) => row.id === id)?.result)
      expect(Object.keys(result), id).toEqual(expect.arrayContaining(promised))
      ran.add(id.replaceAll(' ', ':'))
      if (id === 'review list') reviews = result
      last = result
      if (id === 'relay put')
        for (const cap of ['read-cap', 'delete-cap'] as const)
          writeFileSync(join(stage.directory, agent, cap), result[cap === 'read-cap' ? 'readCap' : 'deleteCap'], { mode: 0o600 })
    }
    return last
  }
  const setUp = (agent: string, ...lines: string[]) =>
    lines.reduce((before, line) => before.then(() => type(agent, `agent-marketplace ${line}`)), Promise.resolve())
  /** Until a message of this kind has come. */
  const wait = (agent: string, typ: string) => {
    const typs = async () =>
      (await type(agent, 'agent-marketplace inbox --wait 2')).messages.map((message: { typ: string }) => message.typ)
    return expect.poll(typs).toContain(typ)
  }

  await setUp('operator', 'register --agent-id operator')
  await examples(
    'worker',
    'register#2',
    'whoami',
    'capabilities declare',
    'ping',
    'doctor',
    'agents list',
    'agents show',
    'token create',
    'token create#2',
  )
  await examples('worker', 'daemon policy', 'daemon policy#2', 'daemon policy#3', 'daemon status', 'daemon stop')
  await examples('worker', 'daemon install', 'daemon install#2', 'daemon uninstall', 'completion')
  await examples('worker', 'skill install', 'skill install#2', 'skill status', 'skill uninstall', 'skill uninstall#2')
  const { recoveryKey = '' } = await examples('my-agent', 'register')
  await setUp('buyer', 'register --agent-id buyer')
  await setUp('reviewer', 'register --agent-id reviewer')

  await examples(
    'buyer',
    'deposit',
    'balance',
    'discover',
    'task create',
    'session create',
    'task add-participant',
    'task remove-participant',
  )
  await examples('buyer', 'assign', 'assign#2', 'assignment list', 'hold list', 'hold list#2', 'order send')
  await examples('worker', 'assignment accept', 'assignment renew')
  await wait('worker', 'order.offer')
  await examples('worker', 'order show', 'work submit')
  await setUp('reviewer', 'assignment accept --assignment-id $REVIEW')
  await examples('reviewer', 'review submit')
  await examples('worker', 'daemon', 'daemon logs')
  await examples('buyer', 'assignment reviews', 'review list', 'settle', 'ledger list', 'events follow')
  await wait('buyer', 'work.key')
  await examples('buyer', 'work fetch', 'task show', 'task complete')

  await examples('buyer', 'task create#2')
  const assign = 'assign --task-id $TASK --assignee-agent-id worker --kind execute --capability text.extract --price 5'
  await setUp('buyer', assign)
  await examples('buyer', 'assignment show')
  await examples('worker', 'assignment decline')
  await setUp('buyer', assign)
  await examples('buyer', 'assignment cancel')
  await setUp('buyer', `${assign} --no-fund`)
  await examples('buyer', 'hold', 'refund', 'assign#3')
  await examples('worker', 'offers list', 'assignment claim')
  await setUp('worker', 'assignment accept --assignment-id $ASSIGNMENT')
  await examples('worker', 'assignment complete')
  await examples('buyer', 'assignment approve', 'session create', 'session close', 'task list', 'task create', 'task cancel')

  await examples('buyer', 'message broadcast', 'message send', 'handoff send', 'outbox')
  await expect.poll(async () => (await type('my-agent', 'agent-marketplace inbox')).messages.length, { timeout: 60_000 }).toBe(2)
  await examples('my-agent', 'inbox', 'inbox read#2', 'inbox ack', 'contacts list')
  await examples('buyer', 'relay put', 'relay get', 'relay delete')

  await examples(
    'operator',
    'operator invite create',
    'operator invite list',
    'operator invite revoke',
    'operator deposit',
    'operator audit',
  )
  await examples('operator', 'operator agents tier', 'operator agents suspend', 'operator agents resume')
  const chain = 'version: 1\nsteps:\n  - id: extract\n    capability: text.extract\n    price: "5"\n    instructions: Extract.\n'
  writeFileSync(join(stage.directory, 'buyer', 'chain.yaml'), chain)
  await examples('buyer', 'chain check', 'chain list', 'contacts verify')
  writeFileSync(join(stage.directory, 'buyer', 'verdicts.json'), JSON.stringify(reviews.verdicts?.[0]))
  await examples('buyer', 'verify')

  const secrets = join(stage.directory, 'my-agent')
  writeFileSync(join(secrets, 'passphrase.txt'), 'correct horse battery staple', { mode: 0o600 })
  await examples('my-agent', 'key backup', 'key rotate')
  writeFileSync(join(secrets, 'recovery-key.txt'), recoveryKey, { mode: 0o600 })
  rmSync(join(secrets, 'home'), { recursive: true })
  await examples('my-agent', 'key restore', 'key recover', 'key revoke')
  await examples('worker', 'deregister')

  expect(Object.keys(commands).filter((id) => !ran.has(id) && !ELSEWHERE.test(id))).toEqual([])
})
