import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Parser } from '@oclif/core'
import { Config } from '@oclif/core/config'
import type { Answer, Ask } from './run-commands.ts'

const CLI = join(import.meta.dirname, '..', '..', 'packages', 'agent-cli')
const PROGRAM = 'agent-marketplace'

/** What the program says of itself. */
export interface CommandEntry {
  readonly id: string
  readonly aliases: string[]
  readonly hiddenAliases: string[]
  readonly summary?: string
  readonly description?: string
  readonly examples?: string[]
  readonly flags: Record<
    string,
    { name: string; type: string; required?: boolean; multiple?: boolean; allowNo?: boolean; options?: string[] }
  >
  readonly args: Record<string, { name: string; required?: boolean; options?: string[] }>
}

export function readManifest(): Record<string, CommandEntry> {
  return JSON.parse(readFileSync(join(CLI, 'oclif.manifest.json'), 'utf8')).commands
}

/** Split a command line the way a shell does that knows spaces, double quotes and `$NAME`. @throws Error for a variable without a value. */
export function splitWords(line: string, variables: Readonly<Record<string, string>>): string[] {
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
  return words.map((word) =>
    word.replace(/\$([A-Z_]+)/g, (_, name: string) => {
      const value = variables[name]
      if (value === undefined) throw new Error(`$${name} has no value in: ${line}`)
      return value
    }),
  )
}

/** The words after the name of the program, which must come first. */
export function argvOf(line: string, variables: Readonly<Record<string, string>>): string[] {
  const [program, ...argv] = splitWords(line, variables)
  if (program !== PROGRAM) throw new Error(`not a command line of ${PROGRAM}: ${line}`)
  return argv
}

let config: Promise<Config> | undefined

/** Read a command line the way the program does, without running it. @returns the command. @throws the program's own words for what is wrong with it. */
export async function parseCommandLine(argv: readonly string[]): Promise<string> {
  config ??= Config.load({ root: CLI, userPlugins: false, devPlugins: false })
  const loaded = await config
  for (let count = argv.length; count > 0; count--) {
    const found = loaded.findCommand(argv.slice(0, count).join(':'))
    if (!found) continue
    const command = await found.load()
    const flags = { ...command.baseFlags, ...command.flags }
    await Parser.parse(
      argv.slice(count).filter((word) => word !== '--json'),
      { flags, args: command.args, strict: command.strict },
    )
    return found.id
  }
  throw new Error(`no such command: ${argv.join(' ')}`)
}

/** The examples of a command's help, as they are typed. */
export function examplesOf({ examples = [] }: CommandEntry): string[] {
  return examples.map((example) => example.replaceAll('<%= config.bin %>', PROGRAM))
}

/** Runs command lines, each to its end, in one process. */
export class CommandRunner implements AsyncDisposable {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, 'run-commands.ts'), { env: { ...process.env, NO_COLOR: '1' } })

  readonly #ended = once(this.#child, 'exit')

  async run(ask: Ask): Promise<Answer> {
    const done = new AbortController()
    this.#child.send(ask)
    try {
      const ended = this.#ended.then(() => Promise.reject(new Error(`ended the process: ${ask.argv.join(' ')}`)))
      const [answer] = (await Promise.race([once(this.#child, 'message', { signal: done.signal }), ended])) as [Answer]
      return answer
    } finally {
      done.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill()
  }
}
