import { dirname, resolve } from 'node:path'
import { referenceOf } from '../chain/find-plan-faults.ts'
import { parseChainFile } from '../chain/parse-chain-file.ts'
import { readPlainFile } from './read-file.ts'

/**
 * Every file and directory that a chain file would have read and sent to others, without reading any.
 *
 * @returns Absolute paths, of the chain file itself first; of a file with faults only its own, since `runChain` refuses it.
 * @throws CliError `usage` if the chain file cannot be read.
 */
export function chainPaths(file: string): string[] {
  const parsed = parseChainFile(readPlainFile(file))
  if ('faults' in parsed) return [file]
  const named = parsed.file.steps.flatMap(({ instructions = '', input = [], validate = {} }) => [
    ...(instructions.startsWith('@') ? [instructions.slice(1)] : []),
    ...input.filter((text) => referenceOf(text) === undefined),
    ...[validate.schema, validate.rules, validate.tests].filter((path) => path !== undefined),
  ])
  return [file, ...named.map((path) => resolve(dirname(file), path))]
}
