import { once } from 'node:events'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BEAT_INTERVAL_MIN_MS } from '@agent-marketplace/protocol'
import type { Agent } from '../agent/agent.ts'
import { CliError } from '../agent/cli-error.ts'
import { acquireDaemonLock } from '../private/daemon-lock.ts'
import { endInterruptedLogs } from '../private/job-logs.ts'
import { openJobs } from '../private/jobs.ts'
import { dueRemovals } from '../private/removals.ts'
import { readPolicy } from '../settings/policy.ts'
import type { Daemon, DaemonEventName, DaemonOptions, EventDetails } from './daemon-context.ts'
import { createDuties } from './duties.ts'
import { followEventsOnce, keepReceiving, receiveAll } from './listen.ts'
import { beatOnce } from './presence.ts'
import { createRecovery } from './recovery.ts'
import { createReleaser } from './releaser.ts'
import { runLoop } from './run-loop.ts'
import { createCover, keepLogs, keepPrekey, keepRemoving, keepSending, keepTokens } from './upkeep.ts'
import { createWakeup, type Wakeup } from './wakeup.ts'

/** Everything is looked at again after this time, events or not. */
const LOOK_EVERY_MS = 60_000
/** Before a long poll is asked again, should a server answer at once with nothing. */
const BREATH_MS = 50
/** After being stopped, this long for running commands to end and writes to finish. The rest is cut: it is journaled and goes on next time. */
const STOP_WITHIN_MS = 4_000
/** Scratch directories of processes that died are older than this. */
const SCRATCH_AGE_MS = 24 * 3_600_000

export interface DaemonRun extends DaemonOptions {
  /** Do what there is to do now, then return. */
  readonly isOnce?: boolean | undefined
  /** Aborted to stop it; it then returns within seconds, whatever is going on. */
  readonly signal: AbortSignal
  readonly onEvent: (event: { event: DaemonEventName; atMs: number } & EventDetails) => void
}

/**
 * Run the daemon of a profile until it is stopped: present on the platform, following events and the relay's feed, keeping leases, prekey and outbox, and
 * doing the duties its options name. Nothing it does is lost or done twice if it is killed at any point and started again.
 *
 * @param agent - Its platform calls should end when `signal` is aborted.
 * @throws CliError `wrong_state` if another daemon of this profile runs; with `isOnce`, whatever kept it from doing its duties.
 */
export async function runDaemon(agent: Agent, { isOnce = false, signal, onEvent, ...options }: DaemonRun): Promise<void> {
  const lock = acquireDaemonLock(agent.profile.directory, { pid: process.pid, agentId: agent.agentId, sinceMs: agent.now() })
  if (!lock) throw new CliError('wrong_state', 'a daemon of this profile is running already', { hint: 'see `daemon status`' })
  const bells = [createWakeup(), createWakeup()] as const
  const daemon: Daemon = {
    agent,
    options,
    policy: () => ({ ...readPolicy(agent.profile.directory), ...options.policy }),
    signal,
    recovery: createRecovery(),
    emit: (event, details = {}) => onEvent({ event, atMs: agent.now(), ...details }),
    wake: () => {
      for (const bell of bells) bell.wake()
    },
  }
  try {
    daemon.emit('started', { agentId: agent.agentId, pid: process.pid, server: agent.server })
    endInterruptedLogs(agent.vault, agent.now())
    await removeScratch(agent)
    await Promise.race([isOnce ? runOnce(daemon) : runLoops(daemon, bells), stoppedFor(signal, STOP_WITHIN_MS)])
    daemon.emit('stopped')
  } finally {
    lock.release()
  }
}

/** Resolves some time after the signal; never if that does not come. */
async function stoppedFor(signal: AbortSignal, ms: number): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
  await sleep(ms, undefined, { ref: false })
}

async function runLoops(daemon: Daemon, [dutyBell, releaseBell]: readonly [Wakeup, Wakeup]): Promise<void> {
  const { signal } = daemon
  const duties = createDuties(daemon)
  const release = createReleaser(daemon)
  const onBell = (bell: Wakeup, look: () => Promise<unknown>) => async () => {
    await look()
    await bell.wait(LOOK_EVERY_MS, signal)
    return 0
  }
  const endless = (turn: () => Promise<unknown>) => async () => {
    await turn()
    return BREATH_MS
  }
  await Promise.all([
    runLoop(daemon, 'prekey', () => keepPrekey(daemon)),
    // Whoever is away for long is taken for gone: the first sign that the platform is back is looked for at every beat, and is one for all.
    runLoop(daemon, 'presence', () => beatOnce(daemon), {
      pauseMaxMs: BEAT_INTERVAL_MIN_MS,
      onRecovered: daemon.recovery.tell,
    }),
    runLoop(
      daemon,
      'events',
      endless(() => followEventsOnce(daemon)),
    ),
    runLoop(
      daemon,
      'feed',
      endless(() => keepReceiving(daemon)),
    ),
    runLoop(daemon, 'outbox', () => keepSending(daemon)),
    runLoop(daemon, 'removals', () => keepRemoving(daemon)),
    runLoop(daemon, 'cover', createCover(daemon)),
    runLoop(daemon, 'tokens', () => keepTokens(daemon)),
    runLoop(daemon, 'logs', () => keepLogs(daemon)),
    runLoop(daemon, 'leases', () => duties.leases.renewDue()),
    runLoop(daemon, 'duties', onBell(dutyBell, duties.look)),
    runLoop(daemon, 'release', onBell(releaseBell, release)),
  ])
  await duties.settle()
}

async function runOnce(daemon: Daemon): Promise<void> {
  const duties = createDuties(daemon)
  const release = createReleaser(daemon)
  const leases = new AbortController()
  await keepPrekey(daemon)
  await keepLogs(daemon)
  await beatOnce(daemon)
  const keeping = runLoop({ ...daemon, signal: AbortSignal.any([leases.signal, daemon.signal]) }, 'leases', () =>
    duties.leases.renewDue(),
  )
  try {
    for (let isMoving = true; isMoving && !daemon.signal.aborted; ) {
      await followEventsOnce(daemon, 0)
      const { stored } = await receiveAll(daemon)
      await duties.look()
      const hasMoved = await duties.settle()
      isMoving = (await release()) || hasMoved || stored.length > 0
    }
    await keepSending(daemon)
    while (dueRemovals(daemon.agent.vault, daemon.agent.now()).length > 0 && !daemon.signal.aborted) await keepRemoving(daemon)
  } finally {
    leases.abort()
    await keeping
  }
}

/** Remove what dead processes left: job directories no job names, and review directories of yesterday. */
async function removeScratch({ profile, vault, now }: Agent): Promise<void> {
  const named = new Set(openJobs(vault).map(({ directory }) => directory))
  for (const directory of await listDirectories(join(profile.directory, 'jobs'))) {
    if (!named.has(directory)) await rm(directory, { recursive: true, force: true })
  }
  for (const directory of await listDirectories(join(profile.directory, 'reviews'))) {
    if (now() - (await stat(directory)).mtimeMs > SCRATCH_AGE_MS) await rm(directory, { recursive: true, force: true })
  }
}

async function listDirectories(parent: string): Promise<string[]> {
  const names = await readdir(parent).catch(() => [])
  return names.map((name) => join(parent, name))
}
