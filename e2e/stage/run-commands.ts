// Runs command lines of the built program one after the other in this process, for tests that run very many: a start of its own takes each of them a
// tenth of a second and more. Asked and answered over the channel to its parent.
import { join } from 'node:path'

export interface Ask {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

export interface Answer {
  readonly exit: number
  readonly out: string
  readonly err: string
}

const { main } = await import(join(import.meta.dirname, '../../packages/agent-cli/dist/main.js'))
process.setMaxListeners(0)
for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0)

async function run({ argv, env, cwd }: Ask): Promise<Answer> {
  Object.assign(process.env, env)
  process.chdir(cwd)
  process.exitCode = undefined
  const printed = { out: '', err: '' }
  const { write } = process.stdout
  const { write: writeError } = process.stderr
  const keep = (name: 'out' | 'err') => (chunk: string | Uint8Array) => {
    printed[name] += Buffer.from(chunk as string).toString()
    return true
  }
  process.stdout.write = keep('out')
  process.stderr.write = keep('err')
  try {
    await main([...argv])
  } finally {
    process.stdout.write = write
    process.stderr.write = writeError
  }
  return { exit: Number(process.exitCode ?? 0), ...printed }
}

let last: Promise<unknown> = Promise.resolve()
process.on('message', (ask: Ask) => {
  last = last.then(() => run(ask)).then((answer) => process.send?.(answer))
})
