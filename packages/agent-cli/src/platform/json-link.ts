import { TRPCClientError, type TRPCLink } from '@trpc/client'
import type { JsonFetch } from './http.ts'

/** No router is known by type here: the table of procedures is. */
type Link = ReturnType<TRPCLink<never>>
type Call = Parameters<Link>[0]['op']

/**
 * The last link of a tRPC client: one request a call, JSON both ways, the call's context as headers.
 * tRPC's own `httpLink` looks at the global FormData, which loads all of undici (30 ms of every command, measured).
 *
 * @param url - Where the procedures are.
 */
export function jsonLink(url: string, fetchJson: JsonFetch): TRPCLink<never> {
  const link = ({ op }: { op: Call }) => ({
    subscribe(observer: { next(value: unknown): void; error(error: Error): void; complete(): void }) {
      send(url, op, fetchJson).then(
        (result) => {
          observer.next({ result })
          observer.complete()
        },
        (error: unknown) => observer.error(TRPCClientError.from(error as Error)),
      )
      return { unsubscribe: () => undefined } // a call is ended by its signal
    },
  })
  return () => link as unknown as Link
}

async function send(url: string, { path, type, input, context, ...op }: Call, fetchJson: JsonFetch): Promise<unknown> {
  const signal = op.signal ?? undefined
  const text = JSON.stringify(input)
  const headers = context as Record<string, string>
  const answer =
    type === 'query'
      ? await fetchJson(`${url}/${path}?input=${encodeURIComponent(text)}`, { method: 'GET', headers, signal })
      : await fetchJson(`${url}/${path}`, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: text,
          signal,
        })
  if (typeof answer === 'object' && answer !== null && 'result' in answer) return answer.result
  throw answer
}
