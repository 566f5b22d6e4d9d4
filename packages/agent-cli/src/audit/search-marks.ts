import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'

/** A piece of content that must not be found where it does not belong, and what it was taken from: words, or bytes such as a key or a hash. */
export type Mark = TextMark | BytesMark

export interface TextMark {
  readonly from: string
  readonly text: string
}

export interface BytesMark {
  readonly from: string
  readonly bytes: Uint8Array
}

/** A mark in one of the forms in which it could leak. */
interface Needle {
  readonly mark: Mark
  readonly form: string
  readonly bytes: Buffer
}

export interface Hit {
  readonly mark: Mark
  readonly form: string
  /** A file's path, or `name of` it. */
  readonly where: string
}

export interface Search {
  readonly files: number
  readonly bytes: number
  readonly marks: number
  readonly forms: readonly string[]
  readonly hits: readonly Hit[]
}

const FORMS = ['raw', 'hex', 'base64', 'base64url', 'utf-16le', 'utf-16be'] as const

/** Shorter marks would be found by chance. */
const WORD_CHARS_MIN = 8
const LINE_CHARS = 32

/** Search files and their names, in whole directories too, for marks in every form. */
export function searchMarks(paths: readonly string[], marks: readonly Mark[]): Search {
  const needles = marks.flatMap(needlesOf)
  const files = paths.flatMap(filesBelow)
  const hits: Hit[] = []
  let bytes = 0
  for (const { path, name } of files) {
    const content = readFileSync(path)
    bytes += content.length
    hits.push(...find(content, needles, path), ...find(Buffer.from(name), needles, `name of ${path}`))
  }
  return { files: files.length, bytes, marks: marks.length, forms: FORMS, hits }
}

/** Search a text, such as an answer or a captured request. */
export function searchText(text: string | Uint8Array, marks: readonly Mark[], where: string): Hit[] {
  return find(Buffer.from(text as string), marks.flatMap(needlesOf), where)
}

/**
 * Take marks spread over all of a text: beginnings of lines, and words no vocabulary has (addresses, numbers with letters).
 * Plain words are no marks: a server may well say `assignment` by itself.
 */
export function marksFrom(from: string, text: string, max: number): TextMark[] {
  const lines = text.split('\n').map((line) => line.trim().slice(0, LINE_CHARS))
  const words = text.split(/[\s"'<>,;()[\]{}]+/).filter((word) => /[a-z]/i.test(word) && /[0-9@]/.test(word))
  const long = [
    ...lines.filter((line) => line.length >= LINE_CHARS / 2),
    ...words.filter((word) => word.length >= WORD_CHARS_MIN),
  ]
  const distinct = [...new Set(long)]
  const step = Math.max(1, Math.floor(distinct.length / max))
  return distinct
    .filter((_, index) => index % step === 0)
    .slice(0, max)
    .map((mark) => ({ from, text: mark }))
}

function find(content: Buffer, needles: readonly Needle[], where: string): Hit[] {
  return needles.filter(({ bytes }) => content.includes(bytes)).map(({ mark, form }) => ({ mark, form, where }))
}

function needlesOf(mark: Mark): Needle[] {
  const raw = 'text' in mark ? Buffer.from(mark.text) : Buffer.from(mark.bytes)
  const utf16 = 'text' in mark ? Buffer.from(mark.text, 'utf16le') : undefined
  const of = (form: string, ...all: (Buffer | string)[]) =>
    all.map((bytes) => ({ mark, form, bytes: Buffer.from(bytes as string) }))
  return [
    ...of('raw', raw),
    ...of('hex', raw.toString('hex'), raw.toString('hex').toUpperCase()),
    ...of('base64', ...base64Forms(raw, 'base64')),
    ...of('base64url', ...base64Forms(raw, 'base64url')),
    ...(utf16 ? [...of('utf-16le', utf16), ...of('utf-16be', Buffer.from(utf16).swap16())] : []),
  ]
}

/** A text within base64 looks different at each of three alignments; characters that share bits with its neighbours are left out. */
function base64Forms(raw: Buffer, encoding: 'base64' | 'base64url'): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), raw])
      .toString(encoding)
      .replace(/=+$/, '')
    const start = [0, 2, 3][shift] ?? 0
    const end = encoded.length - ((shift + raw.length) % 3 === 0 ? 0 : 1)
    return encoded.slice(start, end)
  })
}

function filesBelow(path: string): { path: string; name: string }[] {
  if (lstatSync(path).isFile()) return [{ path, name: basename(path) }]
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: file, name: relative(path, file) }))
}
