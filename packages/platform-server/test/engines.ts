import { once } from 'node:events'
import { connect } from 'node:net'
import { inject } from 'vitest'
import { type Engine, type Place, sqlite } from './place.ts'

export const postgres: Engine = { name: 'PostgreSQL', open: openPostgresPlace }

/** For `describe.each`: what holds on one engine holds on the other. */
export const engines: readonly Engine[] = [sqlite, postgres]

/** @throws Error with one line that says why when this machine's PostgreSQL did not start. */
async function openPostgresPlace(): Promise<Place> {
  const place = await sqlite.open()
  const socket = connect(inject('postgresSocket'))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  const { address, problem } = JSON.parse(answer.toString())
  if (problem) throw new Error(problem)
  return {
    directory: place.directory,
    database: address,
    async [Symbol.asyncDispose]() {
      socket.destroy()
      await place[Symbol.asyncDispose]()
    },
  }
}
