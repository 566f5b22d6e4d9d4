/** What a chain tells while it runs. Ids, states and amounts; never content. */
export type ChainEventName =
  | 'started'
  | 'searching'
  | 'chosen'
  | 'hired'
  | 'reviewer-hired'
  | 'reviewer-replaced'
  | 'ordered'
  | 'progress'
  | 'ended'
  | 'fetched'
  | 'passed'
  | 'failed'
  | 'skipped'
  | 'waiting'
  | 'warning'
  | 'finished'

/** A line of `chain run --follow`. */
export interface ChainEvent {
  readonly event: ChainEventName
  readonly atMs: number
  readonly chainId: string
  readonly step?: string
  readonly [detail: string]: string | number | readonly string[] | undefined
}
