/** What the program says of a command, as far as it is typed. */
export interface CommandFacts {
  readonly id: string
  readonly summary?: string | undefined
  readonly hidden?: boolean | undefined
  readonly flags: Readonly<Record<string, FlagFacts>>
  readonly args: Readonly<Record<string, { readonly options?: readonly string[] | undefined }>>
}

interface FlagFacts {
  readonly name: string
  readonly type: string
  readonly summary?: string | undefined
  readonly hidden?: boolean | undefined
  readonly allowNo?: boolean | undefined
  readonly options?: readonly string[] | undefined
  readonly helpValue?: string | readonly string[] | undefined
}

/** Something that can be typed next, and what it is. */
export interface Candidate {
  readonly word: string
  readonly summary: string
}

export interface Flag extends Candidate {
  /** `none`: it stands alone. `file` also means a directory, and `@file`. */
  readonly value: 'none' | 'text' | 'file'
  readonly options: readonly string[]
}

/** What can follow a row of command words such as `task create`; the first is the empty row. */
export interface Row {
  readonly path: string
  readonly words: readonly Candidate[]
  readonly flags: readonly Flag[]
}

const FILES = /FILE|DIR|@file/

/**
 * All that can be typed, from what the program knows of itself.
 *
 * @param topics - Summaries of words that are no command by themselves.
 */
export function completionTable(
  commands: readonly CommandFacts[],
  topics: readonly { name: string; description?: string | undefined }[],
): Row[] {
  const shown = commands.filter(({ hidden }) => hidden !== true)
  const summaries = new Map([
    ...topics.map(({ name, description }) => [name, description ?? ''] as const),
    ...shown.map(({ id, summary }) => [id, summary ?? ''] as const),
  ])
  const ids = new Set(shown.flatMap(({ id }) => id.split(':').map((_, at, words) => words.slice(0, at + 1).join(':'))))
  return ['', ...ids].sort().map((id) => {
    const command = shown.find((each) => each.id === id)
    const below = [...ids].filter((each) => parentOf(each) === id)
    const words = below.map((each) => ({ word: each.slice(each.lastIndexOf(':') + 1), summary: summaries.get(each) ?? '' }))
    const options = Object.values(command?.args ?? {}).flatMap((arg) =>
      (arg.options ?? []).map((word) => ({ word, summary: '' })),
    )
    return {
      path: id.replaceAll(':', ' '),
      words: [...words, ...options].sort(byWord),
      flags: command ? flagsOf(command) : [HELP],
    }
  })
}

const HELP: Flag = { word: '--help', summary: 'Show help.', value: 'none', options: [] }

function flagsOf({ flags }: CommandFacts): Flag[] {
  const own = Object.values(flags).flatMap(({ name, type, summary = '', hidden, allowNo, options = [], helpValue }) => {
    if (hidden) return []
    const value: Flag['value'] = type === 'boolean' ? 'none' : FILES.test(String(helpValue ?? '')) ? 'file' : 'text'
    const flag = { word: `--${name}`, summary, value, options }
    return allowNo ? [flag, { ...flag, word: `--no-${name}` }] : [flag]
  })
  return [...own, HELP].sort(byWord)
}

function parentOf(id: string): string {
  return id.includes(':') ? id.slice(0, id.lastIndexOf(':')) : ''
}

function byWord(a: Candidate, b: Candidate): number {
  return a.word < b.word ? -1 : 1
}
