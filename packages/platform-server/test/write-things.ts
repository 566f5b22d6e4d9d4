// Writes things as fast as it can and says the name of each on a line of its own once it is answered. Ends with 74 when the storage fails.
// Arguments: where; a word for the names; how many things at once; how many in all (0: until it is stopped).
import { writeSync } from 'node:fs'
import { Refusal } from '../src/errors.ts'
import { openThings } from './things.ts'

const [directory = '', word = '', atOnce = '1', inAll = '0'] = process.argv.slice(2)
const db = await openThings({ directory, database: undefined })
let next = 0

/** One transaction changes two rows: a thing of its own and the count of all. */
async function writeOne(name: string): Promise<void> {
  await db.write(async (tx) => {
    await tx.run('INSERT INTO things (name, amount) VALUES ($1, 0)', [name])
    await tx.run(
      `INSERT INTO things (name, amount) VALUES ('count', 1) ON CONFLICT (name) DO UPDATE SET amount = things.amount + 1`,
    )
  })
}

async function writeMany(): Promise<void> {
  while (inAll === '0' || next < Number(inAll)) {
    const name = `${word}-${next++}`
    try {
      await writeOne(name)
      writeSync(1, `${name}\n`)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      writeSync(2, `${error.code}\n`)
    }
  }
}

writeSync(1, 'ready\n')
const done = Promise.all(Array.from({ length: Number(atOnce) }, writeMany)).then(() => undefined)
const failure = await Promise.race([done, db.failed])
if (failure) {
  writeSync(2, `failed: ${failure.message}\n`)
  process.exit(74)
}
await db.close()
