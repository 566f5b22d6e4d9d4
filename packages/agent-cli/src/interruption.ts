import { CliError } from './agent/cli-error.ts'

/** Time for requests to end and files to close after the first SIGINT, ms. */
const GRACE_MS = 1_000
const EXIT_INTERRUPTED = 130

const controller = new AbortController()

/** Aborted by the first SIGINT of this process. */
export const interruption: AbortSignal = controller.signal

/** End what runs on SIGINT: softly at first, at once when it takes longer than a second or is asked again. */
export function watchInterruption(): void {
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(EXIT_INTERRUPTED)
    controller.abort(new CliError('interrupted', 'interrupted'))
    setTimeout(() => process.exit(EXIT_INTERRUPTED), GRACE_MS).unref()
  })
}

/** For what runs until it is told to end: SIGINT and SIGTERM end it in good order, with exit code 0. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  process.removeAllListeners('SIGINT')
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort())
  return stop.signal
}

const output = new AbortController()

/** Aborted when whoever read our stdout has gone: the end of a stream, not an error. */
export const outputClosed: AbortSignal = output.signal

export function watchOutput(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (stream === process.stdout) output.abort()
    })
}
