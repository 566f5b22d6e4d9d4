import { createInterface } from 'node:readline/promises'
import { CliError, usage } from '../agent/cli-error.ts'

/**
 * Ask the person at the terminal for a yes, on stderr.
 *
 * @throws CliError `usage` without a terminal or for another answer; `interrupted` for Ctrl-C and Ctrl-D.
 */
export async function confirm(question: string, signal: AbortSignal, hint = 'add --yes'): Promise<void> {
  if (!process.stdin.isTTY) throw usage('this needs a yes, and there is no terminal to ask at', hint)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const closed = new AbortController()
  terminal.once('close', () => closed.abort())
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal: AbortSignal.any([signal, closed.signal]) })
    if (!/^y(?:es)?$/i.test(answer.trim())) throw usage('not confirmed: nothing was done')
  } catch (error) {
    throw error instanceof CliError ? error : new CliError('interrupted', 'interrupted', { cause: error })
  } finally {
    terminal.close()
  }
}
