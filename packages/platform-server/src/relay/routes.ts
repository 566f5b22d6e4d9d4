import type { IncomingMessage, ServerResponse } from 'node:http'
import { deriveSlotId, RELAY_PATHS } from '@agent-marketplace/protocol'
import { notFound, Refusal } from '../errors.ts'
import { type Answer, bytesAnswer, jsonAnswer, NO_CONTENT, refusalAnswer } from './answer.ts'
import { opensDeletion } from './caps.ts'
import { holdsRecords } from './feed.ts'
import { forgetSlot, openSlot, type Relay } from './relay.ts'
import { parseDeleteCap, parseFeedQuery, parseReadCap, parseUpload, readBody, refuseBody, refuseForbidden } from './request.ts'
import { hourOf } from './rules.ts'
import { findLiveSlot } from './slot-store.ts'
import { putSlot } from './upload.ts'

interface Call {
  readonly relay: Relay
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** What follows `/relay/v1/slots/` in the path. */
  readonly slotId: string
  /** What follows `?`. */
  readonly query: string
  readonly feedWaitMaxMs: number
}

interface Route {
  readonly method: string
  readonly handle: (call: Call) => Promise<Answer>
}

const ROUTES: Readonly<Record<string, Route>> = {
  [RELAY_PATHS.read]: { method: 'POST', handle: readSlot },
  [RELAY_PATHS.delete]: { method: 'POST', handle: removeSlot },
  [RELAY_PATHS.feed]: { method: 'GET', handle: readFeed },
  [RELAY_PATHS.keys]: { method: 'GET', handle: readKeys },
}
const UPLOAD: Route = { method: 'PUT', handle: uploadSlot }

/**
 * Answer one request of the anonymous plane.
 *
 * @throws Refusal, which becomes an error answer; anything else is a fault.
 */
export async function answerRequest(
  relay: Relay,
  { req, res, feedWaitMaxMs }: Pick<Call, 'req' | 'res' | 'feedWaitMaxMs'>,
): Promise<Answer> {
  const [path = '', query = '', ...more] = (req.url ?? '').split('?')
  const slotId = path.startsWith(RELAY_PATHS.slot) ? path.slice(RELAY_PATHS.slot.length) : ''
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : slotId ? UPLOAD : undefined
  if (!route) throw notFound('path')
  if (req.method !== route.method) return { ...refusalAnswer('method_not_allowed'), allow: route.method }
  refuseForbidden(req)
  if (more.length > 0 || (query && path !== RELAY_PATHS.feed)) throw new Refusal('invalid_input', 'this call takes no parameters')
  if (route !== UPLOAD) refuseBody(req)
  return route.handle({ relay, req, res, slotId, query, feedWaitMaxMs })
}

async function uploadSlot({ relay, req, res, slotId }: Call): Promise<Answer> {
  const upload = parseUpload(req, slotId)
  await putSlot(relay, upload, () => {
    if (req.headers.expect !== undefined) res.writeContinue()
    return readBody(req, upload.sizeClass)
  })
  return NO_CONTENT
}

async function readSlot({ relay, req }: Call): Promise<Answer> {
  const slot = await openSlot(relay, deriveSlotId(parseReadCap(req)))
  if (!slot) throw notFound('slot')
  return bytesAnswer({ stream: slot.body, bytes: slot.sizeClass })
}

async function removeSlot({ relay: { db, blobs, quota, now }, req }: Call): Promise<Answer> {
  const slotId = deriveSlotId(parseReadCap(req))
  const deleteCap = parseDeleteCap(req)
  const removed = await db.write(async (tx) => {
    const slot = await findLiveSlot(tx, slotId, hourOf(now()))
    if (!slot || !opensDeletion(deleteCap, slot.deleteHash)) throw notFound('slot')
    await forgetSlot(tx, quota, slot)
    return slot
  })
  await blobs.remove(removed.blobRef)
  return NO_CONTENT
}

async function readFeed({ relay, res, query, feedWaitMaxMs }: Call): Promise<Answer> {
  const { after, waitS } = parseFeedQuery(query)
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  const waitMs = Math.min(waitS * 1_000, feedWaitMaxMs)
  const page = await relay.feed.read({ after, waitMs, gone: gone.signal })
  // What follows a position stays true; that nothing does is over with the next tick.
  return { ...bytesAnswer(page), isCacheable: holdsRecords(page) }
}

async function readKeys({ relay: { tokens } }: Call): Promise<Answer> {
  return jsonAnswer(200, { epochs: tokens === 'off' ? [] : tokens.epochs() })
}
