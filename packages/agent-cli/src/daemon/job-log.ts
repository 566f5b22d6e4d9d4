import { closeSync, constants, fchmodSync, openSync, writeSync } from 'node:fs'

/** Bytes of each of `stdout.log` and `stderr.log` that are kept; the rest is read and dropped, so that the command never blocks. */
export const LOG_BYTES_MAX = 1024 * 1024
/** Bytes of each stream that a result carries. */
export const TAIL_BYTES = 4096

export interface JobLog {
  write(chunk: Buffer): void
  tail(): string
  close(): void
}

/** Open a log of one stream, mode 0600, emptying an earlier one; never through a link an earlier command left there. */
export function openJobLog(path: string): JobLog {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o600)
  fchmodSync(file, 0o600)
  let room = LOG_BYTES_MAX
  let tail: Buffer = Buffer.alloc(0)
  return {
    write(chunk) {
      tail = Buffer.concat([tail, chunk]).subarray(-TAIL_BYTES)
      try {
        if (room > 0) room -= writeSync(file, chunk.subarray(0, room))
      } catch {
        room = 0 // a full disk ends the log, not the daemon
      }
    },
    tail: () => tail.toString('utf8'),
    close: () => closeSync(file),
  }
}
