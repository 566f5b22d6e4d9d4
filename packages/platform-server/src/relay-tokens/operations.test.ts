import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import {
  fromBase64url,
  type IssuedRelayTokens,
  RELAY_TOKEN_EPOCH_MS,
  RELAY_TOKENS_PER_EPOCH,
  type RelayTokenClass,
  type RelayTokenKeys,
  relayTokenEpochAt,
  toBase64url,
} from '@agent-marketplace/protocol'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { digestState } from '../../test/digest-state.ts'
import { callAs, openTestPlatform, type TestAgent, type TestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'
import { createDeps, type Deps } from '../deps.ts'
import { listTokenKeys, prepareTokenKeys, sweepTokens } from './operations.ts'

const HOUR_MS = 3_600_000

let platform: TestPlatform
beforeEach(async () => {
  platform = await openTestPlatform(['--relay-tokens', 'on'])
  onTestFinished(() => platform[Symbol.asyncDispose]())
})

const thisEpoch = () => relayTokenEpochAt(platform.deps.now())

/** Numbers below any modulus of 2048 bits. */
const blind = (count: number) =>
  Array.from({ length: count }, () => toBase64url(Buffer.concat([Buffer.alloc(1), randomBytes(255)])))

const ask = (count = 1, change: { epoch?: number; class?: RelayTokenClass } = {}) => ({
  epoch: thisEpoch(),
  class: 'message' as RelayTokenClass,
  blinded: blind(count),
  ...change,
})

/** Raise signatures to the public exponent: what was signed. */
function undo({ signatures }: IssuedRelayTokens, modulus: string): string[] {
  const key = createPublicKey({ key: { kty: 'RSA', n: modulus, e: 'AQAB' }, format: 'jwk' })
  const undone = signatures.map((each) => publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, fromBase64url(each)!))
  return undone.map((each) => each.toString('base64url'))
}

async function keysOf(epoch: number): Promise<RelayTokenKeys['epochs'][number]> {
  return (await listTokenKeys(platform.deps)).epochs.find((each) => each.epoch === epoch)!
}

/** Have an agent drawn so many already. */
function setDrawn({ agentId }: TestAgent, drawn: number, tokenClass: RelayTokenClass = 'message') {
  const sql = 'INSERT INTO relay_token_draws (agent_id, epoch, class, drawn) VALUES ($1, $2, $3, $4)'
  return platform.deps.db.write((tx) => tx.run(sql, [agentId, thisEpoch(), tokenClass, drawn]))
}

async function drawnBy({ agentId }: TestAgent): Promise<Record<string, number>> {
  const sql = 'SELECT class, drawn FROM relay_token_draws WHERE agent_id = $1 AND epoch = $2'
  const rows = await platform.deps.db.read((reader) => reader.all(sql, [agentId, thisEpoch()]))
  return Object.fromEntries(rows.map((row) => [row.class, Number(row.drawn)]))
}

describe('issuing', () => {
  test.each(['message', 'part'] as const)('signs in order, with the key of its epoch and the class %s', async (tokenClass) => {
    const agent = await platform.agent('agent')
    for (const epoch of [thisEpoch(), thisEpoch() + 1]) {
      const asked = ask(3, { epoch, class: tokenClass })
      const issued = await agent.api.relayTokens.issue(asked)

      expect(issued).toMatchObject({ epoch, class: tokenClass })
      await prepareTokenKeys(platform.deps)
      expect(undo(issued, (await keysOf(epoch))[tokenClass])).toEqual(asked.blinded)
    }
  })

  test('with the same key again gives the same answer and counts once', async () => {
    const agent = await platform.agent('agent')
    const asked = ask(5)
    const issued = await agent.as('key').relayTokens.issue(asked)
    const before = await digestState(platform)

    expect(await agent.as('key').relayTokens.issue(asked)).toEqual(issued)
    expect(await digestState(platform)).toBe(before)
    expect(await drawnBy(agent)).toEqual({ message: 5 })
    await expectRefusal(platform, 'idempotency_key_reused', () => agent.as('key').relayTokens.issue(ask(5)))
  })

  test('is answered again from what is stored, with nothing signed: also when its epoch is over and its key is gone', async () => {
    const agent = await platform.agent('agent')
    const asked = ask(5)
    const issued = await agent.as('key').relayTokens.issue(asked)
    platform.pass(2 * RELAY_TOKEN_EPOCH_MS)
    await sweepTokens(platform.deps)

    expect(await (await platform.resume(agent)).as('key').relayTokens.issue(asked)).toEqual(issued)
  })

  test('with the same key by many at once counts once', async () => {
    const agent = await platform.agent('agent')
    const asked = ask(5)
    const answers = await Promise.all(Array.from({ length: 10 }, () => agent.as('key').relayTokens.issue(asked)))

    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(await drawnBy(agent)).toEqual({ message: 5 })
  })

  test('is refused for other epochs than this and the next', async () => {
    const agent = await platform.agent('agent')
    for (const epoch of [thisEpoch() - 1, thisEpoch() + 2])
      await expectRefusal(platform, 'wrong_state', () => agent.api.relayTokens.issue(ask(1, { epoch })))
  })

  test('is refused for what is not below the modulus, and nothing is counted', async () => {
    const agent = await platform.agent('agent')
    await prepareTokenKeys(platform.deps)
    const { message } = await keysOf(thisEpoch())
    const asked = { ...ask(), blinded: [...blind(1), message] }
    await expectRefusal(platform, 'invalid_input', () => agent.api.relayTokens.issue(asked))
  })

  test('is refused where tokens are off, and no keys are made or shown', async () => {
    await using other = await openTestPlatform()
    const agent = await other.agent('agent')
    await prepareTokenKeys(other.deps)
    await expectRefusal(other, 'wrong_state', () => agent.api.relayTokens.issue(ask()))
    expect(await callAs(other.deps).relayTokens.keys({})).toEqual({ epochs: [] })
  })
})

describe('the allowance', () => {
  test('is the same for everybody, in each class and epoch by itself', async () => {
    const agents = await Promise.all([platform.agent('one'), platform.agent('two')])
    for (const agent of agents) {
      for (const tokenClass of ['message', 'part'] as const) {
        await setDrawn(agent, RELAY_TOKENS_PER_EPOCH[tokenClass] - 2, tokenClass)
        const asked = { class: tokenClass }
        await expectRefusal(platform, 'capacity_exceeded', () => agent.api.relayTokens.issue(ask(3, asked)))
        expect((await agent.api.relayTokens.issue(ask(2, asked))).signatures).toHaveLength(2)
        await expectRefusal(platform, 'capacity_exceeded', () => agent.api.relayTokens.issue(ask(1, asked)))
      }
      expect(await drawnBy(agent)).toEqual(RELAY_TOKENS_PER_EPOCH)
      expect((await agent.api.relayTokens.issue(ask(1, { epoch: thisEpoch() + 1 }))).signatures).toHaveLength(1)
    }
  })

  test.each([
    ['in one process', (deps: Deps) => [deps, deps]],
    ['in two processes over one database', (deps: Deps) => [deps, inAnotherProcess(deps)]],
  ])('holds for ten calls at once %s', async (_, processes) => {
    const agent = await platform.agent('agent')
    await prepareTokenKeys(platform.deps)
    await setDrawn(agent, RELAY_TOKENS_PER_EPOCH.message - 5)
    const [one, other] = processes(platform.deps)
    const calls = Array.from({ length: 10 }, (_, index) =>
      callAs((index % 2 === 0 ? one : other)!, agent.token, `key-${index}`).relayTokens.issue(ask(5)),
    )
    const ended = await Promise.allSettled(calls)

    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await drawnBy(agent)).toEqual({ message: RELAY_TOKENS_PER_EPOCH.message })
  })
})

/** The same database and secret, nothing else in common. */
function inAnotherProcess({ db, config, log, instanceId, now, tokenSecret }: Deps): Deps {
  return createDeps({ db, config, log, instanceId, now, tokenSecret })
}

describe('keys', () => {
  const epochsShown = async () => (await callAs(platform.deps).relayTokens.keys({})).epochs.map(({ epoch }) => epoch)

  test('are there for this epoch and the next, all different, before anybody asks', async () => {
    await prepareTokenKeys(platform.deps)
    const { epochs } = await listTokenKeys(platform.deps)

    expect(epochs.map(({ epoch }) => epoch)).toEqual([thisEpoch(), thisEpoch() + 1])
    expect(new Set(epochs.flatMap(({ message, part }) => [message, part])).size).toBe(4)
  })

  test('roll over: the next become these, new ones are made, and old ones go once their tokens are good no longer', async () => {
    const agent = await platform.agent('agent')
    await prepareTokenKeys(platform.deps)
    await agent.api.relayTokens.issue(ask())
    const [before, first] = [await listTokenKeys(platform.deps), thisEpoch()]

    platform.pass(RELAY_TOKEN_EPOCH_MS * (first + 1) - platform.deps.now())
    expect(await sweepTokens(platform.deps)).toBe(2)
    expect((await listTokenKeys(platform.deps)).epochs.slice(0, 2)).toEqual(before.epochs)
    expect(await epochsShown()).toEqual([first, first + 1, first + 2])
    expect(await sweepTokens(platform.deps)).toBe(0)

    platform.pass(HOUR_MS)
    expect(await epochsShown()).toEqual([first + 1, first + 2])
    expect(await sweepTokens(platform.deps)).toBe(3)
    const counts = await platform.deps.db.read((reader) => reader.all('SELECT * FROM relay_token_draws'))
    expect(counts).toEqual([])
  })

  test('are the same in all processes over one database, also when they start together', async () => {
    const other = inAnotherProcess(platform.deps)
    await Promise.all([prepareTokenKeys(platform.deps), prepareTokenKeys(other)])

    const agent = await platform.agent('agent')
    const asked = ask()
    const issued = [platform.deps, other].map((deps, index) => callAs(deps, agent.token, `key-${index}`).relayTokens.issue(asked))
    const [one, two] = await Promise.all(issued)
    expect(one).toEqual(two)
  })

  test('that another secret sealed stop the start of a server, which changes nothing; with --init they are replaced', async () => {
    await prepareTokenKeys(platform.deps)
    const [before, digest] = [await listTokenKeys(platform.deps), await digestState(platform)]
    const stranger = { ...platform.deps, tokenSecret: randomBytes(32) }

    await expect(prepareTokenKeys(stranger)).rejects.toMatchObject({ name: 'StorageUnusable' })
    expect(await digestState(platform)).toBe(digest)

    await prepareTokenKeys({ ...stranger, config: { ...stranger.config, init: true } })
    const after = await listTokenKeys(platform.deps)
    expect(after.epochs.map(({ epoch }) => epoch)).toEqual(before.epochs.map(({ epoch }) => epoch))
    expect(after.epochs[0]?.message).not.toBe(before.epochs[0]?.message)
    expect(
      (await callAs(stranger, (await platform.agent('agent')).token, 'key').relayTokens.issue(ask())).signatures,
    ).toHaveLength(1)
  })
})
