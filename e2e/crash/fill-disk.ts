// Runs on a disk of 2 MB (TMPDIR is on it): a platform fills it up, and goes on when there is room again. Says in one line of JSON what it saw.
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Refusal } from '../../packages/platform-server/src/errors.ts'
import { openTestPlatform } from '../../packages/platform-server/test/platform.ts'

const BLOCK = Buffer.alloc(4_096, 1)
const TRIES_MAX = 5_000

/** Take all the room there is. */
function fillDisk(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, BLOCK)
  } catch {
    fsyncSync(file)
    closeSync(file)
  }
}

await using platform = await openTestPlatform()
const agent = await platform.agent('agent')
const deposit = (key: number) => agent.as(`key-${key}`).settlement.deposit({ amount: '1' })
const codeOf = (error: unknown) => (error instanceof Error && error.cause instanceof Refusal ? error.cause.code : String(error))
const balance = async () => (await agent.api.settlement.balance({})).available

let answered = 0
for (; answered < 5; answered++) await deposit(answered)
const ballast = join(tmpdir(), 'ballast')
fillDisk(ballast)
let refusal: string | undefined
while (!refusal && answered < TRIES_MAX) {
  try {
    await deposit(answered)
    answered++
  } catch (error) {
    refusal = codeOf(error)
  }
}
const refusedAgain = await deposit(answered).then(() => undefined, codeOf)
const readWhileFull = await balance()
rmSync(ballast)
const resumed = await deposit(answered).then(() => 'done', codeOf)
console.log(JSON.stringify({ answered, refusal, refusedAgain, readWhileFull, resumed, balance: await balance() }))
