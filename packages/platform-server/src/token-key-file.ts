import { readFile } from 'node:fs/promises'
import { RelayTokenKeys } from '@agent-marketplace/protocol'
import { z } from 'zod'

/** As `GET /relay/v1/keys` of another relay answers, or as `/trpc/relayTokens.keys` of the issuer does. */
const KeyFile = z.union([RelayTokenKeys, z.object({ result: z.object({ data: RelayTokenKeys }) })])

/**
 * Read the public keys of relay tokens from a file, saved as the issuer told them.
 *
 * @returns `undefined` if the file says something else.
 * @throws the error of the operating system when it cannot be read.
 */
export async function readTokenKeyFile(path: string): Promise<RelayTokenKeys | undefined> {
  const { data } = KeyFile.safeParse(parse(await readFile(path, 'utf8')))
  return data && ('result' in data ? data.result.data : data)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
