import { setTimeout as sleep } from 'node:timers/promises'

/** Ends the pauses of loops whose turns failed, once the platform is known to be back. */
export interface Recovery {
  /** The platform is back. */
  tell(): void
  /** Resolves after `ms`, when the platform is back, or when the signal is aborted. */
  pause(ms: number, signal: AbortSignal): Promise<void>
}

export function createRecovery(): Recovery {
  let back = new AbortController()
  return {
    tell() {
      back.abort()
      back = new AbortController()
    },
    async pause(ms, signal) {
      await sleep(ms, undefined, { signal: AbortSignal.any([signal, back.signal]) }).catch(() => undefined)
    },
  }
}
