import { z } from 'zod'
import { ChainFile } from './chain-file.ts'
import { type ChainFault, type FaultPath, type PlanFault, suggest } from './fault.ts'
import { findPlanFaults } from './find-plan-faults.ts'
import { CHAIN_FILE_BYTES_MAX, readYaml } from './yaml-source.ts'

/** A chain file that can be trusted, or everything that is wrong with it. */
export type ParsedChainFile =
  | { readonly file: ChainFile; placeOf(path: FaultPath): Pick<ChainFault, 'line' | 'column'> }
  | { readonly faults: ChainFault[] }

/** Parse the bytes of a chain file. Nothing is read beside them. */
export function parseChainFile(bytes: Uint8Array): ParsedChainFile {
  const top = (message: string) => ({ faults: [{ line: 1, column: 1, message }] })
  if (bytes.length > CHAIN_FILE_BYTES_MAX) return top(`is longer than ${CHAIN_FILE_BYTES_MAX} bytes`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return top('is not UTF-8 text')
  }
  const { value, faults, placeOf } = readYaml(text)
  if (faults.length > 0) return { faults: faults.filter(isFirstThere) }
  const parsed = ChainFile.safeParse(value, { reportInput: true })
  const found = parsed.success ? findPlanFaults(parsed.data) : parsed.error.issues.filter(isFirstOfItsPath).flatMap(explain)
  const placed = found.map(({ path, message, isKey }) => ({ ...placeOf(path, isKey), message }))
  placed.sort((a, b) => a.line - b.line || a.column - b.column)
  return parsed.success && placed.length === 0 ? { file: parsed.data, placeOf } : { faults: placed }
}

/** What a parser says after it has stumbled at a place is of no use. */
function isFirstThere({ line, column }: ChainFault, index: number, all: readonly ChainFault[]): boolean {
  return all.findIndex((each) => each.line === line && each.column === column) === index
}

type Issue = z.core.$ZodIssue

/** A value that does not have the form it should have is not measured, too. */
function isFirstOfItsPath({ code, path }: Issue, index: number, all: readonly Issue[]): boolean {
  const place = path.join('\0')
  return code === 'unrecognized_keys' || all.findIndex((each) => each.path.join('\0') === place) === index
}

/** An issue in words that name the field, never more of a value than its name. */
function explain(issue: Issue): PlanFault[] {
  const path = issue.path as FaultPath
  const field = typeof path.at(-1) === 'number' ? `an item of "${String(path.at(-2))}"` : `"${String(path.at(-1))}"`
  const what = path.length === 0 ? 'a chain file' : field
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: `unknown field "${key}"${suggest(key, fieldsAt(path))}`,
        isKey: true,
      }))
    case 'invalid_type':
      if (issue.input === undefined) return [{ path, message: `${what} is missing` }]
      return [
        {
          path,
          message: issue.message.startsWith('must') ? `${what} ${issue.message}` : `${what} must be ${nounOf(issue.expected)}`,
        },
      ]
    case 'too_small':
      return [
        {
          path,
          message:
            issue.origin === 'string'
              ? `${what} is empty`
              : `${what} must ${quantityOf(issue)} at least ${issue.minimum}${itemsOf(issue)}`,
        },
      ]
    case 'too_big':
      return [{ path, message: `${what} must ${quantityOf(issue)} at most ${issue.maximum}${itemsOf(issue)}` }]
    case 'invalid_value':
      if (issue.input === undefined) return [{ path, message: `${what} is missing` }]
      return [
        {
          path,
          message: issue.message.startsWith('must') ? `${what} ${issue.message}` : `${what} must be ${issue.values.join(' or ')}`,
        },
      ]
    case 'invalid_format':
      return [{ path, message: issue.message.startsWith('must') ? `${what} ${issue.message}` : `${what} is not such a name` }]
    default:
      return [{ path, message: `${what} ${issue.message}` }]
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  object: 'a group of fields',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
}

function nounOf(expected: string): string {
  return NOUNS[expected] ?? expected
}

function quantityOf({ origin }: { origin: string }): string {
  return origin === 'array' || origin === 'string' ? 'have' : 'be'
}

function itemsOf({ origin }: { origin: string }): string {
  return origin === 'array' ? ' items' : origin === 'string' ? ' characters' : ''
}

/** The names of the fields that exist where a path leads. */
function fieldsAt(path: FaultPath): string[] {
  let type: unknown = ChainFile
  for (const part of path) {
    if (type instanceof z.ZodArray) type = type.element
    else if (type instanceof z.ZodObject) type = type.shape[part]
    if (type instanceof z.ZodOptional) type = type.unwrap()
  }
  return type instanceof z.ZodObject ? Object.keys(type.shape) : []
}
