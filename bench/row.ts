/** One line of the table: something that was measured, on something. */
export interface Row {
  readonly group: string
  readonly what: string
  /** The server, the engine, the size. */
  readonly on: string
  readonly value: number
  readonly unit: string
  readonly p99Ms?: number | undefined
  /** CPU time of the server for one call, or of the client where nobody else is asked. It does not depend on how fast the load can be made. */
  readonly cpuMicros?: number | undefined
  /** `value` as a multiple of what was measured beside it in the same run. */
  readonly ratio?: { readonly value: number; readonly of: string } | undefined
  readonly target?: Target | undefined
}

/** What design/quality.md asks of a value or of its ratio. */
export interface Target {
  readonly of: 'value' | 'ratio'
  readonly atLeast?: number
  readonly atMost?: number
}

/** What every group is told. */
export interface Options {
  readonly isPinned: boolean
  readonly repeats: number
  /** Length of one run of calls; as long a run again comes first, uncounted. */
  readonly seconds: number
  readonly connections: number
  readonly engines: readonly EngineName[]
  /** How long the daemon is watched while nothing happens. */
  readonly idleMinutes: number
  /** The largest table of `growth`. */
  readonly rowsMax: number
  readonly artifactMiB: number
}

export const ENGINES = ['sqlite', 'postgres'] as const
export type EngineName = (typeof ENGINES)[number]

/** @returns whether a row is what its target asks for; `undefined` if it has none. */
export function meetsTarget({ value, ratio, target }: Row): boolean | undefined {
  const measured = target?.of === 'ratio' ? ratio?.value : value
  if (!target || measured === undefined) return undefined
  return measured >= (target.atLeast ?? Number.NEGATIVE_INFINITY) && measured <= (target.atMost ?? Number.POSITIVE_INFINITY)
}
