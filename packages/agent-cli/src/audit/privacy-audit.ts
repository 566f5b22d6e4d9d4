import { lookup } from 'node:dns/promises'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AgentOptions, openPlatform } from '../agent/agent.ts'
import { CliError, usage } from '../agent/cli-error.ts'
import { connectRelay } from '../relay/connect-relay.ts'
import { openAuditMarket } from './audit-market.ts'
import { findJoins } from './join-planes.ts'
import { runMarkedJob } from './marked-job.ts'
import { readRequests, type SentRequest } from './read-requests.ts'
import { type RecordedConnection, recordConnections } from './record-connections.ts'
import { type Mark, searchMarks, searchText } from './search-marks.ts'
import { type Told, tellPlatform, tellRelay } from './what-was-told.ts'

export interface AuditInput {
  /** `@file` or `-`. */
  readonly registrationToken?: string | undefined
  /** Directories or files of the server, searched too: its data, its log. */
  readonly data?: readonly string[] | undefined
  /** Where everything that was sent is written, as it was sent. */
  readonly record?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface PlaneReport {
  readonly origin: string
  readonly connections: number
  readonly requests: number
  readonly bytes: number
  readonly told: readonly Told[]
}

/** Something private in a place where it does not belong: what it was taken from, in which form, and where. Never the thing itself. */
export interface Finding {
  readonly what: string
  readonly form: string
  readonly where: string
}

export interface AuditReport {
  readonly ok: boolean
  readonly platform: PlaneReport
  readonly relay: PlaneReport
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[]
  readonly findings: readonly Finding[]
}

/**
 * Do a marked job through a server, with agents made for it, and look for the marks in every byte that left this machine and in what the server stored.
 *
 * @throws CliError as registering and working; nothing is reported of a job that did not come to its end.
 */
export async function auditPrivacy(options: AgentOptions, input: AuditInput = {}): Promise<AuditReport> {
  const { registrationToken, data = [], record, signal } = input
  if (options.relayProxy !== undefined)
    throw usage(
      'an audit records its own connections and takes no relay proxy',
      'leave --relay-proxy out, and set AGENT_MARKETPLACE_RELAY_PROXY= to nothing',
    )
  const relayClient = await connectRelay(options, openPlatform(options))
  await relayClient.close()
  const origins = { platform: options.server, relay: relayClient.origin }

  const recording = recordConnections()
  try {
    await using market = await openAuditMarket({ ...options, relay: origins.relay }, { registrationToken })
    const marks = await runMarkedJob(market, { signal })
    const planes = await sortByPlane(recording.connections, origins)
    if (record !== undefined) writeRecord(record, planes)
    return report({ origins, planes, marks, data, home: market.directory })
  } finally {
    recording.stop()
  }
}

interface Planes {
  readonly platform: RecordedConnection[]
  readonly relay: RecordedConnection[]
  readonly other: RecordedConnection[]
}

async function sortByPlane(
  connections: readonly RecordedConnection[],
  origins: { platform: string; relay: string },
): Promise<Planes> {
  const [platform, relay] = await Promise.all([addressesOf(origins.platform), addressesOf(origins.relay)])
  const used = connections.filter(({ sent }) => sent.length > 0)
  return {
    platform: used.filter(({ target }) => platform.has(target)),
    relay: used.filter(({ target }) => relay.has(target)),
    other: used.filter(({ target }) => !platform.has(target) && !relay.has(target)),
  }
}

async function addressesOf(origin: string): Promise<Set<string>> {
  const { hostname, port, protocol } = new URL(origin)
  const found = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true })
  return new Set(found.map(({ address }) => `${address}:${port || (protocol === 'https:' ? 443 : 80)}`))
}

function report(run: {
  origins: { platform: string; relay: string }
  planes: Planes
  marks: readonly Mark[]
  data: readonly string[]
  home: string
}): AuditReport {
  const { origins, planes, marks, data, home } = run
  const requests = { platform: requestsOf(planes.platform), relay: requestsOf(planes.relay) }
  if (requests.platform.length === 0 || requests.relay.length === 0)
    throw new CliError('unavailable', 'nothing was recorded on one of the planes: this audit would prove nothing')

  const sent = [
    ...findings(bytesOf(planes.platform), marks, 'sent to the platform'),
    ...findings(bytesOf(planes.relay), marks, 'sent to the relay'),
    ...findings(bytesOf(planes.other), marks, 'sent elsewhere'),
  ]
  const joins = [
    ...findJoins(requests.platform, requests.relay).map(() => joinFinding('of the platform, sent to the relay')),
    ...findJoins(requests.relay, requests.platform).map(() => joinFinding('of the relay, sent to the platform')),
  ]
  const search = data.length === 0 ? undefined : searchMarks(data, marks)
  const stored = (search?.hits ?? []).map(({ mark, form, where }) => ({ what: mark.from, form, where }))
  // What is private on this machine has to be found here, or the search finds nothing anywhere.
  const control = new Set(searchMarks([home], marks).hits.map(({ mark }) => mark))
  const checks = [
    check(
      'search',
      control.size > marks.length / 2,
      `${control.size} of ${marks.length} marks were found where they belong, in the agents’ own files`,
    ),
    check(
      'sent',
      sent.length === 0,
      `${marks.length} pieces of content, names, keys and hashes, each in six forms, in ${bytesOf(planes.platform).length + bytesOf(planes.relay).length} bytes`,
    ),
    check('joined', joins.length === 0, 'no value that went to one plane went to the other'),
    check(
      'elsewhere',
      planes.other.length === 0,
      planes.other.length === 0
        ? 'no other connection was opened'
        : `other connections: ${planes.other.map(({ target }) => target).join(', ')}`,
    ),
    search
      ? check('stored', stored.length === 0, `${search.files} files, ${search.bytes} bytes, and their names`)
      : check('stored', true, 'not searched: name the server’s data directory with --data'),
  ]
  return {
    ok: checks.every(({ ok }) => ok),
    platform: planeReport(origins.platform, planes.platform, tellPlatform(requests.platform)),
    relay: planeReport(origins.relay, planes.relay, tellRelay(requests.relay)),
    checks,
    findings: [...sent, ...joins, ...stored],
  }
}

const check = (name: string, ok: boolean, detail: string) => ({ name, ok, detail })
const joinFinding = (where: string): Finding => ({ what: 'a value', form: 'raw', where })

function findings(bytes: Buffer, marks: readonly Mark[], where: string): Finding[] {
  return searchText(bytes, marks, where).map(({ mark, form }) => ({ what: mark.from, form, where }))
}

function requestsOf(connections: readonly RecordedConnection[]): SentRequest[] {
  return connections.flatMap(({ sent }) => readRequests(sent))
}

function bytesOf(connections: readonly RecordedConnection[]): Buffer {
  return Buffer.concat(connections.flatMap(({ sent }) => sent))
}

function planeReport(origin: string, connections: readonly RecordedConnection[], told: readonly Told[]): PlaneReport {
  return {
    origin,
    connections: connections.length,
    requests: told.reduce((sum, { times }) => sum + times, 0),
    bytes: bytesOf(connections).length,
    told,
  }
}

/** What was sent may hold sessions of the audit's agents, which have ended by then. */
function writeRecord(directory: string, { platform, relay, other }: Planes): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const [name, connections] of Object.entries({ platform, relay, other }))
      writeFileSync(join(directory, `${name}.http`), bytesOf(connections), { mode: 0o600 })
  } catch (error) {
    throw usage(`cannot write to ${directory}: ${error instanceof Error && 'code' in error ? String(error.code) : 'it failed'}`)
  }
}
