// An answered write survives a power cut: the writes of a real process are traced and replayed, keeping what was synced at each cut and, of the rest,
// nothing or some of it. A plain kill cannot show this: what was written without a sync survives it in the memory of the kernel. LONG=1: a longer trace, each cut many times.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type DiskEvent, type Luck, MIXED_LUCK, NO_LUCK, parseTrace, replay, TRACED } from './traced-disk.ts'
import { expectThings, SCRATCH, Writer } from './writer.ts'

const LONG = process.env.LONG === '1'
const THINGS = LONG ? 300 : 40
const MIXED_CUTS = LONG ? 5 : 1
const PATIENCE_MS = LONG ? 3_600_000 : 120_000

async function traceWriter(directory: string): Promise<DiskEvent[]> {
  const data = join(directory, 'data')
  const trace = join(directory, 'trace')
  mkdirSync(data)
  const strace = ['-f', '-qq', '-y', '-xx', '-s', '1000000', '--seccomp-bpf', '-e', `trace=${TRACED}`, '-o', trace]
  const writer = new Writer(data, { word: 'thing', atOnce: 3, inAll: THINGS, strace })
  expect(await writer.untilEnded(), writer.stderr).toBe(0)
  const events = parseTrace(readFileSync(trace, 'latin1'), data)
  expect(answeredIn(events)).toEqual(writer.answered)
  return events
}

function answeredIn(events: readonly DiskEvent[]): string[] {
  const said = events.map((event) => (event.kind === 'said' ? event.text : '')).join('')
  return said
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('thing'))
}

test(
  'nothing that was answered is lost, wherever the power is cut',
  async () => {
    const directory = mkdtempSync(join(SCRATCH, 'power-'))
    const events = await traceWriter(directory)
    expect(answeredIn(events)).toHaveLength(THINGS)
    let cuts = 0
    const cut = async (at: number, luck: Luck) => {
      const after = join(directory, `cut-${++cuts}`)
      mkdirSync(after)
      for (const [name, content] of replay(events.slice(0, at), luck)) writeFileSync(join(after, name), content)
      await expectThings(
        after,
        answeredIn(events.slice(0, at)),
        `cut ${at} of ${events.length}, ${luck === NO_LUCK ? 'what was synced' : 'and some more'}`,
      )
      rmSync(after, { recursive: true })
    }
    for (let at = 0; at <= events.length; at++) {
      await cut(at, NO_LUCK)
      for (let again = 0; again < MIXED_CUTS; again++) await cut(at, MIXED_LUCK)
    }
    expect(cuts).toBeGreaterThan(250)
    rmSync(directory, { recursive: true })
  },
  PATIENCE_MS,
)
