import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hire, openMarket, untilState } from '../stage/market.ts'
import { runCommand } from '../stage/process.ts'
import { Stage, type StagedAgent } from '../stage/stage.ts'

const COMMANDS = join(import.meta.dirname, '..', '..', 'packages', 'agent-cli', 'src', 'commands')
const BIN = join(import.meta.dirname, '..', '..', 'bin', 'agent-marketplace')

/** Every command, as its words are typed. */
const commands = readdirSync(COMMANDS, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => file.replace(/(?:\/index)?\.ts$/, '').split('/'))

const stage = new Stage()
let buyer: StagedAgent
let executor: StagedAgent
let newcomer: StagedAgent
let work: string

beforeAll(async () => {
  ;({ buyer, executor } = await openMarket(stage))
  ;({ work } = await hire(buyer))
  newcomer = stage.agent('newcomer')
}, 60_000)

afterAll(() => stage[Symbol.asyncDispose]())

interface Refused {
  readonly exit: number | null
  readonly code: string
  readonly message: string
}

/** What `--json` prints when it refuses: exactly one document with an error in it, nothing else on stdout, no stack. */
async function refuse(agent: StagedAgent, args: readonly string[], options = {}): Promise<Refused> {
  const { exit, stdout, stderr } = await agent.run([...args, '--json'], options)
  expect(stdout.trim().split('\n'), `${args.join(' ')}\n${stdout}${stderr}`).toHaveLength(1)
  const { error } = JSON.parse(stdout)
  expect(error, args.join(' ')).toMatchObject({ code: expect.any(String), message: expect.any(String) })
  expect(stdout + stderr).not.toMatch(/\n\s+at |node_modules/)
  return { exit, code: error.code, message: error.message }
}

describe('every command', () => {
  test.each(commands.map((words) => [words.join(' '), words] as const))(
    '%s refuses a flag it does not know',
    async (_, words) => {
      expect(await refuse(buyer, [...words, '--no-such-flag'])).toMatchObject({ exit: 2, code: 'usage' })
    },
  )
})

const unknownId = 'asg_01jz0000000000000000000000'
/** Command line, who types it, exit code, error code. `WORK` is an assignment of the buyer that nobody has accepted. */
const refusals: [string, 'buyer' | 'executor' | 'newcomer', number, string][] = [
  ['nonsense', 'buyer', 2, 'usage'],
  ['task nonsense', 'buyer', 2, 'usage'],
  ['assign', 'buyer', 2, 'usage'],
  ['discover', 'buyer', 2, 'usage'],
  ['discover --capability ABC', 'buyer', 2, 'usage'],
  ['discover --capability a --limit 0x10', 'buyer', 2, 'usage'],
  ['discover --capability a --limit 1000', 'buyer', 2, 'usage'],
  ['deposit --amount -1', 'buyer', 2, 'usage'],
  ['deposit --amount 1.0', 'buyer', 2, 'usage'],
  ['deposit --amount 1e3', 'buyer', 2, 'usage'],
  ['deposit --amount 0', 'buyer', 2, 'usage'],
  ['whoami', 'newcomer', 7, 'local_state'],
  ['balance', 'newcomer', 7, 'local_state'],
  ['task show --task-id task_01jz0000000000000000000000', 'buyer', 4, 'not_found'],
  ['task show --task-id ../x', 'buyer', 2, 'usage'],
  [`assignment show --assignment-id ${unknownId}`, 'buyer', 4, 'not_found'],
  [`assignment accept --assignment-id ${unknownId}`, 'executor', 4, 'not_found'],
  ['assignment accept --assignment-id WORK', 'buyer', 3, 'forbidden'],
  ['assignment complete --assignment-id WORK', 'executor', 5, 'wrong_state'],
  ['assignment approve --assignment-id WORK', 'buyer', 5, 'wrong_state'],
  ['assignment renew --assignment-id WORK', 'executor', 5, 'wrong_state'],
  ['hold --assignment-id WORK', 'buyer', 5, 'already_exists'],
  ['refund --hold-id hold_01jz0000000000000000000000', 'buyer', 4, 'not_found'],
  ['agents show nobody-here', 'buyer', 4, 'not_found'],
  ['agents show A/B', 'buyer', 2, 'usage'],
  ['review submit --review-assignment-id WORK --verdict splendid', 'executor', 2, 'usage'],
  ['review submit --review-assignment-id WORK --verdict passed', 'executor', 2, 'usage'],
  ['order send --assignment-id WORK --instructions @no-such-file', 'buyer', 2, 'usage'],
  ['order send --assignment-id WORK --instructions text --file no-such-file', 'buyer', 2, 'usage'],
  ['order send --assignment-id WORK --instructions text --file .', 'buyer', 2, 'usage'],
  ['order send --assignment-id WORK --instructions text --schema @not-json', 'buyer', 2, 'usage'],
  ['order send --assignment-id WORK --instructions text --rules @not-rules', 'buyer', 2, 'usage'],
  ['message send --to nobody-here --text hello', 'buyer', 4, 'not_found'],
  ['inbox read msg_nothing', 'buyer', 2, 'usage'],
  ['inbox read msg_00000000000000000000000000000000', 'buyer', 4, 'not_found'],
  ['register --agent-id NotAnId', 'newcomer', 2, 'usage'],
  ['register --agent-id another-id', 'buyer', 2, 'usage'],
  ['register --agent-id executor', 'newcomer', 5, 'already_exists'],
  ['register --agent-id newcomer --capability a:0', 'newcomer', 2, 'usage'],
  ['whoami --server ftp://example.org', 'buyer', 2, 'usage'],
  ['whoami --server http://example.org', 'buyer', 2, 'usage'],
  ['whoami --profile ../x', 'buyer', 2, 'usage'],
  ['daemon --once --exec ./nothing.sh', 'executor', 2, 'usage'],
  ['daemon logs --assignment-id nothing', 'executor', 4, 'not_found'],
  ['task create --idempotency-key', 'buyer', 2, 'usage'],
  ['task create --idempotency-key ключ', 'buyer', 2, 'usage'],
  ['task create --review-rule sometimes', 'buyer', 2, 'usage'],
  ['deregister', 'buyer', 2, 'usage'],
]

describe('a command line that cannot be obeyed says why, and changes nothing', () => {
  test.each(refusals)('%s, typed by the %s: exit %i, %s', async (line, who, exit, code) => {
    const agent = { buyer, executor, newcomer }[who]
    writeFileSync(join(agent.home, 'not-json'), '{')
    writeFileSync(join(agent.home, 'not-rules'), '{"version":1,"rules":[{"op":"explode"}]}')
    const before = await buyer.json('balance')
    expect(await refuse(agent, line.replace('WORK', work).split(' '))).toMatchObject({ exit, code })
    expect(await buyer.json('balance')).toEqual(before)
  })

  test('the assignment is as it was after all of it', async () => {
    expect(await untilState(buyer, work, ['assigned'])).toBe('assigned')
  })

  test('a server that is not there is exit 6, and the idempotency key is told', async () => {
    const options = { env: { AGENT_MARKETPLACE_SERVER: 'http://127.0.0.1:9' } }
    expect(await refuse(buyer, ['balance', '--timeout', '1'], options)).toMatchObject({ exit: 6, code: 'unreachable' })
  })

  test('a key file that others may read is refused: exit 7', async () => {
    const keyring = join(buyer.home, 'profiles', 'default', 'keyring.json')
    chmodSync(keyring, 0o644)
    expect(await refuse(buyer, ['balance'])).toMatchObject({ exit: 7, code: 'local_state' })
    chmodSync(keyring, 0o600)
  })

  test('a key file that is cut off is refused: exit 7, and it is left as it is', async () => {
    const keyring = join(buyer.home, 'profiles', 'default', 'keyring.json')
    const whole = readFileSync(keyring)
    writeFileSync(keyring, whole.subarray(0, 20))
    expect(await refuse(buyer, ['balance'])).toMatchObject({ exit: 7, code: 'local_state' })
    expect(readFileSync(keyring)).toEqual(whole.subarray(0, 20))
    writeFileSync(keyring, whole)
  })

  test('a pipe, a link to nothing and a directory are no input files', async () => {
    const send = (file: string) =>
      refuse(buyer, ['order', 'send', '--assignment-id', work, '--instructions', 'text', '--file', file])
    const pipe = join(stage.directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    const link = join(stage.directory, 'link')
    symlinkSync(join(stage.directory, 'nothing'), link)
    for (const file of [pipe, link, stage.directory]) expect(await send(file)).toMatchObject({ exit: 2, code: 'usage' })
  })
})

describe('a home directory', () => {
  test('with spaces and emoji in its name works', async () => {
    const agent = stage.agent('a home with 🦊 in it')
    expect(await agent.json('register', '--agent-id', 'fox')).toMatchObject({ outcome: 'registered' })
    expect(await agent.json('whoami')).toMatchObject({ agentId: 'fox', home: expect.stringContaining('🦊') })
  })

  test('is made for its owner alone, whatever the umask', async () => {
    const home = join(stage.directory, 'open', 'home')
    const command = `umask 000; exec ${BIN} register --agent-id umask-zero --json`
    const ended = await runCommand('sh', ['-c', command], { env: { ...newcomer.env, AGENT_MARKETPLACE_HOME: home } })
    expect(ended.exit, ended.stdout + ended.stderr).toBe(0)
    for (const name of readdirSync(home, { recursive: true, encoding: 'utf8' })) {
      const stat = statSync(join(home, name))
      expect(stat.mode & 0o777, name).toBe(stat.isDirectory() ? 0o700 : 0o600)
    }
  })

  test('that cannot be written is exit 7', async () => {
    const file = stage.file('a-file', '')
    const env = { AGENT_MARKETPLACE_HOME: join(file, 'home') }
    expect(await refuse(newcomer, ['register', '--agent-id', 'homeless'], { env })).toMatchObject({
      exit: 7,
      code: 'local_state',
    })
  })
})

test('a closed stdout is no error', async () => {
  const ended = await runCommand('sh', ['-c', '{ "$0" agents list --json; echo "exit $?" >&2; } | true', BIN], { env: buyer.env })
  expect(ended.stderr).toBe('exit 0\n')
})

test('nothing of a failed registration is left to be mistaken for an agent', async () => {
  const agent = stage.agent('late')
  const env = { AGENT_MARKETPLACE_SERVER: 'http://127.0.0.1:9' }
  expect(await refuse(agent, ['register', '--agent-id', 'late', '--timeout', '1'], { env })).toMatchObject({ exit: 6 })
  // Its request may have arrived: the key stays, and is nobody's.
  expect(await refuse(agent, ['balance'])).toMatchObject({ exit: 3, code: 'unauthenticated' })
  expect(await agent.json('register', '--agent-id', 'late')).toMatchObject({
    outcome: 'registered',
    recoveryKey: expect.any(String),
  })
})
