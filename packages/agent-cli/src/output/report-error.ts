import { CliError } from '../agent/cli-error.ts'
import { clean, toJson } from './clean.ts'

const EXIT_BUG = 1
const EXIT_USAGE = 2

/** What a failure looks like to the user. */
export interface ErrorReport {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly requestId?: string
  readonly retryAfterMs?: number
  readonly idempotencyKey?: string
}

/** What oclif throws: for a wrong command line, and (`EEXIT`) for an exit that was asked for. */
interface OclifError extends Error {
  readonly oclif: { readonly exit?: number }
  readonly code?: string
}

/**
 * Tell the user how a command failed: one JSON document on stdout, or lines on stderr. A stack only if DEBUG is set.
 *
 * @returns the exit code.
 */
export function reportError(error: unknown, isJson: boolean): number {
  if (isOclifError(error) && error.code === 'EEXIT') return error.oclif.exit ?? EXIT_BUG
  const { exit, ...report } = describeFailure(error)
  if (isJson) process.stdout.write(`${toJson({ error: report }, process.stdout.isTTY === true)}\n`)
  else process.stderr.write(`${toLines(report).join('\n')}\n`)
  if (process.env.DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return exit
}

const NO_COMMAND = '`--help` lists commands and flags; ids and other values follow a flag, as in `--task-id ID`'

/** A failure in words, with the exit code it means: of something unexpected, only that it happened. */
export function describeFailure(error: unknown): ErrorReport & { readonly exit: number } {
  if (error instanceof CliError) {
    const { code, message, hint, requestId, retryAfterMs, idempotencyKey } = error
    return {
      code,
      message: code === 'usage' ? usageOf(message) : oneLine(message),
      ...(hint !== undefined && { hint: oneLine(hint) }),
      ...(requestId !== undefined && { requestId }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      exit: error.exit,
    }
  }
  if (isOclifError(error)) {
    const words = wordsOfNoCommand(error.message)
    if (words !== undefined)
      return { code: 'usage', message: `there is no command "${words}"`, hint: NO_COMMAND, exit: EXIT_USAGE }
    return { code: 'usage', message: usageOf(error.message), exit: EXIT_USAGE }
  }
  return {
    code: 'bug',
    message: 'something went wrong that this program did not expect; set DEBUG=1 to see where',
    exit: EXIT_BUG,
  }
}

function toLines({ code, message, hint, requestId, idempotencyKey }: ErrorReport): string[] {
  return [
    `Error: ${message} (${code})`,
    ...(hint === undefined ? [] : [`Hint: ${hint}`]),
    ...(requestId === undefined ? [] : [`Request: ${clean(requestId)}`]),
    ...(idempotencyKey === undefined
      ? []
      : [`It may have happened. To find out, repeat the command; its key is ${idempotencyKey}`]),
  ]
}

function oneLine(text: string): string {
  return clean(text).replace(/\s+/g, ' ').trim()
}

/** oclif's words about a wrong command line, as one sentence that names commands the way they are typed. */
function usageOf(message: string): string {
  return oneLine(message)
    .replace(/ ?See more help with --help/g, '')
    .replace(/^The following errors? occurred: /, '')
    .replace(/^Parsing (--\S+) /, '$1: ')
}

/** What was typed where oclif found no command; a word behind a command that takes none counts as one more of its name. */
function wordsOfNoCommand(message: string): string | undefined {
  return /^command (\S+) not found$/.exec(oneLine(message))?.[1]?.replaceAll(':', ' ')
}

function isOclifError(error: unknown): error is OclifError {
  return error instanceof Error && 'oclif' in error && typeof error.oclif === 'object' && error.oclif !== null
}
