/** A loop's bell: rung while nobody listens, it is heard by the next who does. */
export interface Wakeup {
  wake(): void
  /** Resolves when woken, after `ms`, or when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

/** Longer timers fire at once in Node. */
const TIMER_MS_MAX = 2 ** 31 - 1

export function createWakeup(): Wakeup {
  let isRung = false
  let listener: (() => void) | undefined
  return {
    wake() {
      isRung = true
      listener?.()
    },
    async wait(ms, signal) {
      if (!isRung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const end = () => {
            clearTimeout(timer)
            signal.removeEventListener('abort', end)
            listener = undefined
            resolve()
          }
          const timer = setTimeout(end, Math.min(ms, TIMER_MS_MAX))
          signal.addEventListener('abort', end)
          listener = end
        })
      }
      isRung = false
    },
  }
}
