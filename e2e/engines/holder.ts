// Somebody who holds work: accepts the assignments named on its command line, and submits each well before its lease is over, unless it is stopped
// meanwhile. Says `accepted`, and what it was told to each submission. Its address and its session come from the environment.
import { setTimeout as pause } from 'node:timers/promises'
import { callAt, Refused } from '../stage/call.ts'

const { SERVER = '', TOKEN = '' } = process.env
const call = callAt(SERVER)
const options = { token: TOKEN }
const epochs = new Map<string, unknown>()
for (const assignmentId of process.argv.slice(2))
  epochs.set(assignmentId, (await call('tasks.acceptAssignment', { assignmentId }, options)).leaseEpoch)
console.log(JSON.stringify({ event: 'accepted' }))
await pause(3_000)
for (const [assignmentId, leaseEpoch] of epochs) {
  const code = await call('tasks.completeAssignment', { assignmentId, leaseEpoch }, options).then(
    () => 'done',
    (error: unknown) => (error instanceof Refused ? error.code : String(error)),
  )
  console.log(JSON.stringify({ event: 'told', assignmentId, code }))
}
