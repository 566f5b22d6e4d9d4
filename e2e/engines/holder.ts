// Somebody who holds work: accepts the assignments named on its command line, and submits each as soon as it is done, which a file says. Says `accepted`,
// and what it was told to each submission. The server, its session and the file come from the environment.
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { callAt, Refused } from '../stage/call.ts'

const { SERVER = '', TOKEN = '', DONE_FILE = '' } = process.env
const call = callAt(SERVER)
const options = { token: TOKEN }
const epochs = new Map<string, unknown>()
for (const assignmentId of process.argv.slice(2))
  epochs.set(assignmentId, (await call('tasks.acceptAssignment', { assignmentId }, options)).leaseEpoch)
console.log(JSON.stringify({ event: 'accepted' }))
while (!existsSync(DONE_FILE)) await pause(20)
for (const [assignmentId, leaseEpoch] of epochs) {
  const submit = () => call('tasks.completeAssignment', { assignmentId, leaseEpoch }, { ...options, key: `done-${assignmentId}` })
  // The server has let go of a connection that was silent meanwhile.
  const code = await submit()
    .catch((error: unknown) => (error instanceof TypeError ? submit() : Promise.reject(error)))
    .then(
      () => 'done',
      (error: unknown) => (error instanceof Refused ? error.code : String(error)),
    )
  console.log(JSON.stringify({ event: 'told', assignmentId, code }))
}
