/** What a process did to the files of one directory, in order, and what it said in between. Names are relative to the directory; `''` is the directory. */
export type DiskEvent =
  | { readonly kind: 'create' | 'unlink' | 'sync'; readonly name: string }
  | { readonly kind: 'write'; readonly name: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly name: string; readonly size: number }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'said'; readonly text: string }

/** System calls that a trace must hold. */
export const TRACED = 'openat,pwrite64,write,fsync,fdatasync,ftruncate,rename,unlink'

const LINE = /^[0-9]+ +(?:<\.\.\. )?([a-z0-9]+)(?:\(| resumed>)(.*)$/

/** Read a trace made by `strace -f -qq -y -xx`. Calls that failed are left out. */
export function parseTrace(trace: string, directory: string): DiskEvent[] {
  const begun = new Map<string, string>()
  return trace.split('\n').flatMap((line) => {
    const pid = line.slice(0, line.indexOf(' '))
    const [, call = '', rest = ''] = LINE.exec(line) ?? []
    if (rest.endsWith('<unfinished ...>')) begun.set(pid, rest.slice(0, -'<unfinished ...>'.length))
    if (rest === '' || rest.endsWith('<unfinished ...>')) return []
    const whole = line.includes(' resumed>') ? `${begun.get(pid) ?? ''}${rest}` : rest
    return / = -1 /.test(whole) ? [] : eventOf(call, whole, `${directory}/`)
  })
}

function eventOf(call: string, rest: string, directory: string): DiskEvent[] {
  const [first = '', second = ''] = [...rest.matchAll(/["<]((?:\\x[0-9a-f]{2})*)[">]/g)].map(([, hex = '']) =>
    fromHex(hex).toString('latin1'),
  )
  const relative = (path: string) =>
    `${path}/` === directory ? '' : path.startsWith(directory) ? path.slice(directory.length) : undefined
  const numbers =
    rest
      .slice(rest.lastIndexOf('"') + 1)
      .match(/-?[0-9]+/g)
      ?.map(Number) ?? []
  if (call === 'write') return rest.startsWith('1<') ? [{ kind: 'said', text: second }] : []
  const name = relative(call === 'openat' ? second : first)
  if (name === undefined) return []
  if (call === 'openat') return rest.includes('O_CREAT') ? [{ kind: 'create', name }] : []
  if (call === 'pwrite64') return [{ kind: 'write', name, offset: numbers[1] ?? 0, bytes: bytesOf(rest) }]
  if (call === 'ftruncate') return [{ kind: 'truncate', name, size: Number(/, ([0-9]+)\)/.exec(rest)?.[1]) }]
  if (call === 'rename') return [{ kind: 'rename', name, to: relative(second) ?? '' }]
  return [{ kind: call === 'unlink' ? 'unlink' : 'sync', name }]
}

function bytesOf(rest: string): Buffer {
  return fromHex(/"((?:\\x[0-9a-f]{2})*)"/.exec(rest)?.[1] ?? '')
}

function fromHex(hex: string): Buffer {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex')
}

type Change = Extract<DiskEvent, { kind: 'write' | 'truncate' }>

interface File {
  durable: Buffer
  pending: Change[]
}

/** How much of what was not synced the disk had taken when the power went. */
export interface Luck {
  /** How many changes of the directory, in order. */
  readonly names: (count: number) => number
  /** How many bytes of a change of a file; changes of one file come to the disk in any order. */
  readonly bytes: (change: Change) => number
}

export const NO_LUCK: Luck = { names: () => 0, bytes: () => 0 }

/** Every change as likely as not, and a write may be torn between two sectors. */
export const MIXED_LUCK: Luck = {
  names: (count) => Math.floor(Math.random() * (count + 1)),
  bytes: (change) => (Math.random() < 0.5 ? 0 : change.kind === 'truncate' ? 1 : cutBetweenSectors(change.bytes.length)),
}

const SECTOR_BYTES = 512

function cutBetweenSectors(length: number): number {
  return Math.random() < 0.5 ? length : Math.min(length, Math.floor((Math.random() * length) / SECTOR_BYTES) * SECTOR_BYTES)
}

/** @returns the files that are found after a power cut behind these events, by name. */
export function replay(events: readonly DiskEvent[], luck: Luck): Map<string, Buffer> {
  const names = new Map<string, File>()
  let durable = new Map<string, File>()
  let pending: ((names: Map<string, File>) => void)[] = []
  const change = (apply: (names: Map<string, File>) => void) => {
    apply(names)
    pending.push(apply)
  }
  for (const event of events) {
    if (event.kind === 'said') continue
    const { name } = event
    const file = names.get(name)
    if (event.kind === 'create' && !file) {
      const made: File = { durable: Buffer.alloc(0), pending: [] }
      change((each) => each.set(name, made))
    } else if (event.kind === 'unlink') change((each) => each.delete(name))
    else if (event.kind === 'rename' && file) change((each) => each.delete(name) && each.set(event.to, file))
    else if (event.kind === 'write' || event.kind === 'truncate') file?.pending.push(event)
    else if (event.kind === 'sync' && file) settle(file, WHOLE_LUCK)
    else if (event.kind === 'sync' && name === '') {
      durable = new Map(names)
      pending = []
    }
  }
  for (const apply of pending.slice(0, luck.names(pending.length))) apply(durable)
  return new Map(
    [...durable].map(([name, { durable: content, pending: changes }]) => [
      name,
      settle({ durable: content, pending: [...changes] }, luck),
    ]),
  )
}

const WHOLE_LUCK: Luck = { names: (count) => count, bytes: (change) => (change.kind === 'truncate' ? 1 : change.bytes.length) }

function settle(file: File, luck: Luck): Buffer {
  for (const change of file.pending) {
    const taken = luck.bytes(change)
    if (taken === 0) continue
    if (change.kind === 'truncate') file.durable = resize(file.durable, change.size)
    else {
      const end = change.offset + taken
      if (file.durable.length < end) file.durable = resize(file.durable, end)
      change.bytes.copy(file.durable, change.offset, 0, taken)
    }
  }
  file.pending = []
  return file.durable
}

function resize(bytes: Buffer, size: number): Buffer {
  const resized = Buffer.alloc(size)
  bytes.copy(resized)
  return resized
}
