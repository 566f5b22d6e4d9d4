import type { ChainEvent } from '../agent/run-chain.ts'
import { chainWords } from './chain-line.ts'
import { clean } from './clean.ts'

const EVERY_MS = 1_000
const ROWS_DEFAULT = 24
const GAP = '  '
const WAITING = 'waiting'
/** Lines are cut by the terminal, which knows how wide each character is, instead of wrapped: they are to be drawn over. */
const CUT = '\u001b[?7l'
const WRAP = '\u001b[?7h'
const ERASE_LINE = '\r\u001b[K'
const ERASE_BELOW = '\u001b[J'
const up = (lines: number) => (lines === 0 ? '' : `\u001b[${lines}A`)

/** A terminal to draw on. */
type Terminal = Pick<NodeJS.WriteStream, 'write' | 'rows' | 'isTTY'>

/** How far a chain has come, drawn over again and again: a line for the chain, one for each step with the last that is known of it, one for a word beside. */
export interface ChainProgress {
  tell(event: ChainEvent): void
  note(text: string): void
  /** End, and leave what was drawn last. */
  leave(): void
  /** End, and take it away. */
  erase(): void
}

/** @returns `undefined` where nobody watches, or the terminal cannot draw. Of more steps than it has rows those are shown that go on. */
export function chainProgress(
  stream: Terminal = process.stderr,
  { env = process.env }: { env?: NodeJS.ProcessEnv } = {},
): ChainProgress | undefined {
  if (!stream.isTTY || env.TERM === 'dumb') return undefined
  const startedMs = performance.now()
  const steps = new Map<string, string>()
  const passed = new Set<string>()
  let chainId = ''
  let beside = ''
  let drawn = 0

  const linesOf = (room: number): string[] => {
    const ends = [beside].filter((line) => line !== '')
    if (chainId === '') return ends
    const all = [...steps]
    const shown = all.length + 1 + ends.length <= room ? all : all.filter(([id, words]) => words !== WAITING && !passed.has(id))
    const width = Math.max(...shown.map(([id]) => id.length))
    return [
      `${chainId}${GAP}${passed.size} of ${steps.size} steps passed, ${clock(performance.now() - startedMs)}`,
      ...shown.slice(0, Math.max(0, room - 1 - ends.length)).map(([id, words]) => `${GAP}${id.padEnd(width)}${GAP}${words}`),
      ...ends,
    ]
  }
  const draw = () => {
    const lines = linesOf((stream.rows ?? ROWS_DEFAULT) - 1).map((line) => `${ERASE_LINE}${oneLine(line)}\n`)
    stream.write(`${CUT}${up(drawn)}${lines.join('')}${ERASE_BELOW}${WRAP}`)
    drawn = lines.length
  }
  const timer = setInterval(() => drawn > 0 && draw(), EVERY_MS).unref()

  return {
    tell(event) {
      if (event.event === 'started') {
        chainId = event.chainId
        for (const id of listOf(event.steps)) steps.set(id, WAITING)
        for (const id of listOf(event.passed)) pass(id, 'passed')
      }
      if (event.step !== undefined) {
        if (event.event === 'passed') pass(event.step, chainWords(event))
        else steps.set(event.step, chainWords(event))
        beside = ''
      }
      draw()
    },
    note(text) {
      beside = text
      draw()
    },
    leave: () => clearInterval(timer),
    erase() {
      clearInterval(timer)
      stream.write(`${up(drawn)}\r${ERASE_BELOW}`)
    },
  }

  function pass(id: string, words: string): void {
    steps.set(id, words)
    passed.add(id)
  }
}

function listOf(value: ChainEvent[string]): readonly string[] {
  return Array.isArray(value) ? value : []
}

function oneLine(text: string): string {
  return clean(text).replace(/\s/g, ' ')
}

/** `1:05`, `2:00:00`. */
function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  const two = (value: number) => String(value).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  const rest = two(seconds % 60)
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${rest}`
}
