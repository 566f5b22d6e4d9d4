import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { CliError, usage } from '../agent/cli-error.ts'

/**
 * Ask the person at the terminal for a secret; what is typed is not shown.
 *
 * @throws CliError `usage` without a terminal or for nothing; `interrupted` for Ctrl-C and Ctrl-D.
 */
export async function askSecret(question: string, signal: AbortSignal): Promise<string> {
  if (!process.stdin.isTTY)
    throw usage(
      'there is no terminal to ask for the passphrase at',
      'name a file of mode 600: --passphrase @FILE, or - for stdin',
    )
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true })
  const closed = new AbortController()
  terminal.once('close', () => closed.abort())
  process.stderr.write(question)
  try {
    const answer = await terminal.question('', { signal: AbortSignal.any([signal, closed.signal]) })
    if (answer === '') throw usage('nothing was typed')
    return answer
  } catch (error) {
    throw error instanceof CliError ? error : new CliError('interrupted', 'interrupted', { cause: error })
  } finally {
    process.stderr.write('\n')
    terminal.close()
  }
}
