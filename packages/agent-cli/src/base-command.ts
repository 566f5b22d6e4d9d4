import { Command } from '@oclif/core/command'
import type { Agent, AgentOptions } from './agent/agent.ts'
import type { Held } from './agent/deliver-outbox.ts'
import { globalFlags } from './flags.ts'
import { interruption, outputClosed } from './interruption.ts'
import { clean, toJson } from './output/clean.ts'
import { type Columns, toText } from './output/text.ts'
import { wantsJson } from './output/wants-json.ts'
import type { Input, MutationName, Output, QueryName } from './platform/client.ts'
import type { GlobalFlags, Place } from './settings/resolve.ts'

/** Flags of a mutation: the global ones and its idempotency key. */
type MutationFlags = GlobalFlags & { readonly 'idempotency-key'?: string | undefined }

/**
 * What every command shares: global flags, one JSON document or text, errors with exit codes (made in `main.ts`).
 * Commands import nothing heavy at the top: what a local command does not use it does not load.
 */
export abstract class AgentCommand extends Command {
  static override enableJsonFlag = true
  static override baseFlags = globalFlags

  /** Where this command works. */
  protected async place(flags: GlobalFlags): Promise<Place> {
    const { resolvePlace } = await import('./settings/resolve.ts')
    return resolvePlace(flags)
  }

  /** As `place`, with the signal of this process and a word on stderr when it waits for the server. */
  protected async agentOptions(flags: GlobalFlags): Promise<AgentOptions> {
    const { options } = await this.place(flags)
    return {
      ...options,
      signal: interruption,
      onWait: ({ message }, delayMs) => this.note(`${message}; trying again in ${Math.ceil(delayMs / 1000)} s`),
    }
  }

  /** The agent of the profile. No request is made yet. */
  protected async openAgent(flags: GlobalFlags): Promise<Agent> {
    const { openAgent } = await import('./agent/agent.ts')
    return openAgent(await this.agentOptions(flags))
  }

  /** Ask the platform one thing. */
  protected async query<N extends QueryName>(flags: GlobalFlags, name: N, input: Input<N>): Promise<Output<N>> {
    const { query } = await import('./agent/call.ts')
    return query(await this.openAgent(flags), name, input)
  }

  /** Have the platform do one thing, once, however often the command is repeated after a lost reply. */
  protected async mutate<N extends MutationName>(flags: MutationFlags, name: N, input: Input<N>): Promise<Output<N>> {
    const { mutate } = await import('./agent/call.ts')
    return mutate(await this.openAgent(flags), name, input, flags['idempotency-key'])
  }

  /** Take the server that was named as the one to use from now on, unless one is set already. */
  protected async rememberServer(flags: GlobalFlags): Promise<void> {
    const { home, settings, options } = await this.place(flags)
    if (flags.server === undefined || settings.server !== undefined) return
    const { writeSettings } = await import('./settings/settings.ts')
    await writeSettings(home, { server: options.server })
  }

  /** Ask the person at the terminal. @throws CliError `usage` if there is none, or the answer is not yes. */
  protected async confirm(question: string, hint?: string): Promise<void> {
    const { confirm } = await import('./output/confirm.ts')
    await confirm(question, interruption, hint)
  }

  /** A secret from `@file` or `-`; without either, the person at the terminal is asked, and asked again when it is a new one. */
  protected async secret(
    argument: string | undefined,
    { what, isNew = false }: { what: string; isNew?: boolean },
  ): Promise<string> {
    if (argument !== undefined) {
      const { readSecret } = await import('./agent/argument.ts')
      return readSecret(argument, `the ${what.toLowerCase()}`)
    }
    const { askSecret } = await import('./output/ask-secret.ts')
    const secret = await askSecret(`${what}: `, interruption)
    if (!isNew || (await askSecret(`${what}, once more: `, interruption)) === secret) return secret
    const { usage } = await import('./agent/cli-error.ts')
    throw usage('the two are not the same')
  }

  /** Ends a stream: SIGINT aside (an error), when nobody reads it any more or the time is up. */
  protected streamSignal(seconds: number | undefined): AbortSignal {
    return seconds === undefined ? outputClosed : AbortSignal.any([outputClosed, AbortSignal.timeout(seconds * 1000)])
  }

  /** Print a result as text, unless JSON is wanted: that is printed once, from what `run` returns. */
  protected show<T extends object>(result: T, columns: Columns = {}): T {
    this.log(toText(result, { columns }))
    return result
  }

  /** As `show`; and where drops rest before they are sent, who sends them is said on stderr. */
  protected async showSent<T extends Held>(agent: Agent, result: T): Promise<T> {
    this.show(result)
    if (result.dueAtMs === undefined || this.jsonEnabled()) return result
    const { daemonStatus } = await import('./daemon/daemon-status.ts')
    const { running } = daemonStatus(agent.profile.directory)
    const who = running ? 'the daemon sends it' : 'no daemon runs: start one, or `daemon --once` after that sends it'
    process.stderr.write(`${clean(`sealed and kept in the outbox until ${new Date(result.dueAtMs).toISOString()}; ${who}`)}\n`)
    return result
  }

  /** One line of a stream: JSON, or text. */
  protected logLine(record: object, text: string): void {
    process.stdout.write(`${this.jsonEnabled() ? toJson(record, false) : clean(text)}\n`)
  }

  /** A word for the person at the terminal, on stderr; for nobody else. */
  protected note(text: string): void {
    if (process.stderr.isTTY && !this.jsonEnabled()) process.stderr.write(`${clean(text)}\n`)
  }

  override log(text = ''): void {
    if (!this.jsonEnabled()) process.stdout.write(`${clean(text)}\n`)
  }

  override jsonEnabled(): boolean {
    this.isJson ??= wantsJson(this.argv)
    return this.isJson
  }

  protected override logJson(json: unknown): void {
    process.stdout.write(`${toJson(json, process.stdout.isTTY === true)}\n`)
  }

  /** Errors are told in one place, `main.ts`, also those that arise before a command runs. */
  protected override async catch(error: Error): Promise<never> {
    throw error
  }

  private isJson: boolean | undefined
}
