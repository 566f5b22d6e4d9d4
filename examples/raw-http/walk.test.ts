import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCommand } from '../../e2e/stage/process.ts'
import { Stage } from '../../e2e/stage/stage.ts'

test('the control plane is plain HTTP: curl alone asks, does things once, and is refused with codes', {
  timeout: 120_000,
}, async () => {
  await using stage = new Stage({ name: 'raw-http-' })
  await stage.server.start()
  const [buyer, worker] = [stage.agent('buyer'), stage.agent('worker')]
  await buyer.json('register', '--agent-id', 'buyer')
  await worker.json('register', '--agent-id', 'worker', '--capability', 'text.extract:1:10')
  await worker.json('ping')
  const { token } = await buyer.json('token', 'create')
  const header = stage.file('header', `Authorization: Bearer ${token}\n`)

  const walk = await runCommand('sh', [join(import.meta.dirname, 'walk.sh'), stage.server.origin, header])
  expect(walk).toMatchObject({ exit: 0, stderr: '' })
  expect(walk.stdout).not.toContain(token)
  const answers = walk.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .map(({ result, error }) => result?.data ?? error.data.code)
  const [info, anonymous, me, found, created, again, reused, refused, listed] = answers
  expect(answers).toHaveLength(9)
  expect(info).toMatchObject({ origin: stage.server.origin, relayOrigins: [stage.server.relayOrigin] })
  expect(anonymous).toBe('unauthenticated')
  expect(me).toMatchObject({ agentId: 'buyer', status: 'active' })
  expect(found.candidates).toMatchObject([{ agentId: 'worker', price: '10' }])
  expect(created).toEqual({ taskId: expect.stringMatching(/^task_/) })
  expect(again).toEqual(created)
  expect([reused, refused]).toEqual(['idempotency_key_reused', 'invalid_input'])
  expect(listed.tasks).toMatchObject([{ taskId: created.taskId, reviewRule: 'majority' }])
})
