import { clean } from './clean.ts'

const WIDTH_DEFAULT = 80
const GAP = '  '
/** What people write in lines. All else is one line, whatever another agent put into it. */
const PROSE: ReadonlySet<string> = new Set(['text', 'instructions', 'criteria', 'reason'])

/** Columns of the terminal; 80 where there is none. */
export function terminalWidth(): number {
  return process.stdout.columns ?? WIDTH_DEFAULT
}

/**
 * A result in words: a line `Label: value` for every field, a block of lines for a text of several, a table for every list of records.
 *
 * @param columns - For a list of this name, the fields its table shows, in this order; all of them if not given. A table that does not fit
 *   `width` is written as blocks of lines.
 */
export function toText(
  result: object,
  { columns = {}, width = terminalWidth() }: { columns?: Columns; width?: number } = {},
): string {
  return linesOf(result, { columns, width }).join('\n')
}

/** Which fields of which list are shown. */
export type Columns = Readonly<Record<string, readonly string[]>>

interface Layout {
  readonly columns: Columns
  readonly width: number
}

function linesOf(record: object, layout: Layout): string[] {
  return Object.entries(record).flatMap(([key, value]: [string, unknown]) => {
    if (value === undefined) return []
    if (isRecords(value)) return value.length === 0 ? [`${label(key)}: none`] : [`${label(key)}:`, ...listOf(key, value, layout)]
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return blockOf(key, linesOf(value, layout))
    if (PROSE.has(key) && typeof value === 'string' && value.trim().includes('\n')) return blockOf(key, linesWithin(value))
    return [`${label(key)}: ${textOf(key, value)}`]
  })
}

/** Lines below their label, further in than it: another agent's words cannot pose as a field beside it. */
function blockOf(key: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [`${label(key)}: none`]
  return [`${label(key)}:`, ...lines.map((line) => (line === '' ? '' : `${GAP}${line}`))]
}

/** The lines of a text, without empty ones before and after it. */
function linesWithin(text: string): string[] {
  return clean(text)
    .replace(/^(?:\s*\n)+/, '')
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd())
}

/** Records as a table, or as blocks of lines if the table would be wider than the terminal. */
function listOf(name: string, records: readonly object[], layout: Layout): string[] {
  const rows = records as readonly Readonly<Record<string, unknown>>[]
  const columns = (layout.columns[name] ?? [...new Set(rows.flatMap((row) => Object.keys(row)))]).filter((column) =>
    rows.some((row) => row[column] !== undefined),
  )
  const cells = rows.map((row) => columns.map((column) => textOf(column, row[column])))
  const widths = columns.map((column, at) =>
    Math.max(...[label(column), ...cells.map((row) => row[at] ?? '')].map((text) => text.length)),
  )
  const total = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length)
  if (total > layout.width || rows.some((row) => columns.some((column) => isRecords(row[column]))))
    return records.flatMap((record, at) => [...(at === 0 ? [] : ['']), ...linesOf(record, layout)])

  const line = (texts: readonly string[]) =>
    texts
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join(GAP)
      .trimEnd()
  return [line(columns.map(label)), ...cells.map(line)]
}

function isRecords(value: unknown): value is readonly object[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'object' && each !== null)
}

/** `leaseExpiresAtMs` → `Lease expires at`. */
function label(key: string): string {
  const words = key
    .replace(/(?:AtMs|ByMs|Ms|Bps)$/, (unit) => (unit.startsWith('At') ? 'At' : unit.startsWith('By') ? 'By' : ''))
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}

/** Times as dates, durations in seconds, basis points as a percentage; everything else as it is, cleaned and on one line. */
function textOf(key: string, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) return value.map((each) => textOf('', each)).join(', ') || 'none'
  if (typeof value === 'number' && /(?:^at|^since|At|By)Ms$/.test(key)) return new Date(value).toISOString()
  if (typeof value === 'number' && key.endsWith('Ms')) return `${value / 1000} s`
  if (typeof value === 'number' && key.endsWith('Bps')) return `${value / 100} %`
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return clean(typeof value === 'object' ? JSON.stringify(value) : String(value)).replace(/\s+/g, ' ')
}
