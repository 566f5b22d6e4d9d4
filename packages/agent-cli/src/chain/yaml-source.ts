import {
  type Document,
  type ErrorCode,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml'
import type { ChainFault, FaultPath } from './fault.ts'

/** A chain file is written by hand. */
export const CHAIN_FILE_BYTES_MAX = 1024 * 1024

/**
 * `${` and `}` cannot stand in a YAML list without quotes, but that is how one writes `[${extract.output}]`. They are read as private characters of
 * the same length, so that every position stays true.
 */
const OPEN = '\ue000\ue001'
const CLOSE = '\ue002'
const REFERENCE = /\$\{([^{}\n]*)\}/g
const MASKED = new RegExp(`${OPEN}([^${CLOSE}]*)${CLOSE}`, 'g')

/** One mistake makes a parser stumble many times. */
const SYNTAX_FAULTS_MAX = 10
const WORDS: Partial<Record<ErrorCode, string>> = {
  RESOURCE_EXHAUSTION: 'is nested too deep',
  MULTIPLE_DOCS: 'has more than one document',
  TAG_RESOLVE_FAILED: 'a tag (!name) is not allowed here',
  DUPLICATE_KEY: 'this field is there twice',
}

export interface YamlSource {
  /** Undefined if there is no such value at all. */
  readonly value: unknown
  readonly faults: ChainFault[]
  /** Where the value at a path begins (or, with `isKey`, the name of its last field); of one that is missing, what it is missing in. */
  placeOf(path: FaultPath, isKey?: boolean): { line: number; column: number }
}

/** Read YAML 1.2 as plain data: no tags, no anchors, no aliases, one document, no name twice. Faults are told with their place. */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter()
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  let document: Document.Parsed
  try {
    const masked = text.replace(REFERENCE, (_, inside: string) => `${OPEN}${inside}${CLOSE}`)
    document = parseDocument(masked, { version: '1.2', schema: 'core', lineCounter: lines, prettyErrors: false })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { value: undefined, faults: [{ line: 1, column: 1, message: 'is nested too deep' }], placeOf: () => at(0) }
  }
  const faults = [...document.errors, ...document.warnings].slice(0, SYNTAX_FAULTS_MAX).map(({ pos, code, message }) => ({
    ...at(pos[0]),
    message: WORDS[code] ?? unmask(message.split('\n')[0] ?? message),
  }))
  if (faults.length === 0) faults.push(...findForbidden(document, at))
  const value = faults.length === 0 ? unmaskAll(document.toJS()) : undefined
  return { value, faults, placeOf: (path, isKey = false) => at(startOf(document, path, isKey)) }
}

function findForbidden(document: Document.Parsed, at: (offset: number) => { line: number; column: number }): ChainFault[] {
  const faults: ChainFault[] = []
  visit(document, {
    Alias: (_, { range }) => void faults.push({ ...at(range?.[0] ?? 0), message: 'an alias (*name) is not allowed here' }),
    Node: (_, node: Node & { anchor?: string; tag?: string; range?: readonly number[] | null }) => {
      const place = at(node.range?.[0] ?? 0)
      if (node.anchor) faults.push({ ...place, message: 'an anchor (&name) is not allowed here' })
      if (node.tag?.startsWith('!')) faults.push({ ...place, message: 'a tag (!name) is not allowed here' })
    },
  })
  return faults
}

/** The offset of what a path leads to, or of the innermost part of the path that is there. */
function startOf(document: Document.Parsed, path: FaultPath, isKey: boolean): number {
  let node: unknown = document.contents
  let start = isNode(node) ? (node.range?.[0] ?? 0) : 0
  for (const [index, part] of path.entries()) {
    const isLast = index === path.length - 1
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && unmask(String(item.key.value)) === part)
      if (!isPair(pair)) return start
      const key = pair.key
      if (isLast && isKey) return isNode(key) ? (key.range?.[0] ?? start) : start
      node = pair.value
      if (!isNode(node) && isNode(key)) return key.range?.[0] ?? start
    } else if (isSeq(node)) node = node.items[part as number]
    else return start
    if (!isNode(node)) return start
    start = node.range?.[0] ?? start
  }
  return start
}

function unmask(text: string): string {
  return text.replace(MASKED, (_, inside: string) => `\${${inside}}`)
}

function unmaskAll(value: unknown): unknown {
  if (typeof value === 'string') return unmask(value)
  if (Array.isArray(value)) return value.map(unmaskAll)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [unmask(key), unmaskAll(each)]))
}
