import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { RelayTokenKeys } from '@agent-marketplace/protocol'
import { z } from 'zod'
import { isLoopback } from './address.ts'

/** An answer takes this long at most. */
const FETCH_MAX_MS = 10_000
/** Three epochs are 2 KiB. */
const ANSWER_BYTES_MAX = 64 * 1024

/** As `GET /relay/v1/keys` of another relay answers, or as `/trpc/relayTokens.keys` of the issuer does. */
const KeyFile = z.union([RelayTokenKeys, z.object({ result: z.object({ data: RelayTokenKeys }) })])

/** The text is no statement of token keys, or the issuer gave none. `reason` says which, without the text. */
export class NoTokenKeys extends Error {
  override readonly name = 'NoTokenKeys'
}

/** Whether a text may name a source: a file, an https address, or a plain one on this machine. */
export function isTokenKeySource(text: string): boolean {
  if (!isAddress(text)) return text !== ''
  const url = URL.parse(text)
  if (!url || url.username || url.password) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

/**
 * Read the public keys of relay tokens from a file, or ask the issuer for them. What the issuer says is kept in a file beside the relay's index, so
 * that the relay starts also while the issuer is away.
 *
 * @param options.keptIn - That file.
 * @param options.mayBeKept - Whether what was kept will do where the issuer does not answer.
 * @throws NoTokenKeys; the error of the operating system for a file that cannot be read.
 */
export async function readTokenKeys(
  source: string,
  { keptIn, mayBeKept }: { keptIn: string; mayBeKept: boolean },
): Promise<RelayTokenKeys> {
  if (!isAddress(source)) return parseKeys(await readFile(source, 'utf8'))
  try {
    const text = await fetchText(source)
    const keys = parseKeys(text)
    await mkdir(dirname(keptIn), { recursive: true, mode: 0o700 })
    await writeFile(`${keptIn}.new`, JSON.stringify(keys), { mode: 0o600 })
    await rename(`${keptIn}.new`, keptIn)
    return keys
  } catch (error) {
    const kept = mayBeKept ? await readFile(keptIn, 'utf8').catch(() => undefined) : undefined
    if (kept !== undefined) return parseKeys(kept)
    throw error
  }
}

const isAddress = (source: string) => /^[a-z][a-z0-9+.-]*:\/\//i.test(source)

async function fetchText(address: string): Promise<string> {
  try {
    const answer = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(FETCH_MAX_MS) })
    if (!answer.ok || !answer.body) throw new NoTokenKeys(`the issuer answers ${answer.status}`)
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of answer.body) {
      bytes += chunk.length
      if (bytes > ANSWER_BYTES_MAX) throw new NoTokenKeys('the issuer says too much')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  } catch (error) {
    throw error instanceof NoTokenKeys ? error : new NoTokenKeys('the issuer does not answer', { cause: error })
  }
}

function parseKeys(text: string): RelayTokenKeys {
  const { data } = KeyFile.safeParse(parse(text))
  if (!data) throw new NoTokenKeys('expected a file, or an address, with what relayTokens.keys of the issuer answers')
  return 'result' in data ? data.result.data : data
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
