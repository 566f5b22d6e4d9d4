/** A name another agent gave that must not reach the file system. The message never repeats the name. */
export class FileNameError extends Error {
  override readonly name = 'FileNameError'
}

/** What Linux and macOS take as one path segment. */
const FILE_NAME_BYTES_MAX = 255

// C0, DEL, C1, line separators; and the bidirectional controls, with which `gpj.exe` reads as `exe.jpg`.
const CONTROLS = /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/u

/**
 * Check a file name received from another agent (or written by a command that is not ours).
 *
 * @param name - Must be a single path segment: 1–255 UTF-8 bytes, no `/` or `\`, no control characters, not `.`, not starting with `..`.
 * @returns The same name.
 * @throws FileNameError saying which of these does not hold.
 */
export function safeFileName(name: string): string {
  const fault = findFault(name)
  if (fault) throw new FileNameError(`a file name ${fault}`)
  return name
}

function findFault(name: string): string | undefined {
  if (name === '') return 'is empty'
  if (Buffer.byteLength(name) > FILE_NAME_BYTES_MAX) return `is longer than ${FILE_NAME_BYTES_MAX} bytes`
  if (!name.isWellFormed()) return 'is not valid Unicode'
  if (/[/\\]/.test(name)) return 'contains a path separator'
  if (CONTROLS.test(name)) return 'contains control characters'
  if (name === '.' || name.startsWith('..')) return 'points to a directory'
  return undefined
}
