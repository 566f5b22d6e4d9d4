import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

const PAGE_BYTES = 4096
const ENTRY_BYTES = 8
/** In an entry of `pagemap`: the page is in memory, or in swap. A page that is neither was never written. */
const KEPT_BITS = 3n << 62n
const RUN_BYTES_MAX = 32 * 1024 * 1024
/** A text is found where it lies across two runs too, up to this length. */
const OVERLAP_BYTES = 256
/** What the kernel maps into every process, and does not let be read. */
const KERNELS = /\[(?:vvar|vsyscall)/

/**
 * All the memory of a running process, as a core of it would hold it: every page that it has and may read.
 *
 * @param pid - A process of this user.
 */
export function* readMemory(pid: number): Generator<Buffer> {
  const mem = openSync(`/proc/${pid}/mem`, 'r')
  const pagemap = openSync(`/proc/${pid}/pagemap`, 'r')
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to, mode] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? []
      if (from === undefined || to === undefined || !mode?.startsWith('r') || KERNELS.test(line)) continue
      for (const [start, bytes] of keptRuns(pagemap, Number.parseInt(from, 16), Number.parseInt(to, 16))) {
        const run = Buffer.alloc(bytes)
        const read = readSync(mem, run, 0, bytes, start)
        yield run.subarray(0, read)
      }
    }
  } finally {
    closeSync(mem)
    closeSync(pagemap)
  }
}

/** Stretches of pages that there are. */
function* keptRuns(pagemap: number, from: number, to: number): Generator<[start: number, bytes: number]> {
  const perChunk = RUN_BYTES_MAX / PAGE_BYTES
  const entries = Buffer.alloc(perChunk * ENTRY_BYTES)
  for (let at = from; at < to; at += RUN_BYTES_MAX) {
    const pages = Math.min(perChunk, (to - at) / PAGE_BYTES)
    const read = readSync(pagemap, entries, 0, pages * ENTRY_BYTES, (at / PAGE_BYTES) * ENTRY_BYTES)
    let first: number | undefined
    for (let page = 0; page <= read / ENTRY_BYTES; page++) {
      const isKept = page < read / ENTRY_BYTES && (entries.readBigUInt64LE(page * ENTRY_BYTES) & KEPT_BITS) !== 0n
      if (isKept) first ??= page
      else if (first !== undefined) {
        yield [at + first * PAGE_BYTES, (page - first) * PAGE_BYTES]
        first = undefined
      }
    }
  }
}

/** How often each text occurs in the memory of a process, in Latin-1, UTF-16 and base64url. @returns only those that occur. */
export function countInMemory(pid: number, texts: Readonly<Record<string, string | Uint8Array>>): Record<string, number> {
  const needles = Object.entries(texts).flatMap(([name, text]) => formsOf(text).map((form) => [name, form] as const))
  const counts: Record<string, number> = {}
  let before = Buffer.alloc(0)
  for (const run of readMemory(pid)) {
    const all = Buffer.concat([before, run])
    for (const [name, needle] of needles)
      for (let at = all.indexOf(needle); at >= 0; at = all.indexOf(needle, at + 1))
        if (at + needle.length > before.length) counts[name] = (counts[name] ?? 0) + 1
    before = Buffer.from(all.subarray(-OVERLAP_BYTES))
  }
  return counts
}

function formsOf(text: string | Uint8Array): Buffer[] {
  const bytes = Buffer.from(text)
  return [bytes, Buffer.from(bytes.toString('latin1'), 'utf16le'), Buffer.from(bytes.toString('base64url').slice(0, -2))]
}
