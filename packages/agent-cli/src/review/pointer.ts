import { BriefError } from './brief-error.ts'

const POINTER_CHARS_MAX = 1_000
const ARRAY_INDEX = /^(?:0|[1-9]\d{0,9})$/

/**
 * Read a JSON pointer (RFC 6901). The empty pointer is the whole document.
 *
 * @throws BriefError when it does not start with `/`, has a `~` that is neither `~0` nor `~1`, or is too long.
 */
export function parsePointer(pointer: unknown, path: string): string[] {
  if (typeof pointer !== 'string' || pointer.length > POINTER_CHARS_MAX) {
    throw new BriefError(path, `must be a JSON pointer of at most ${POINTER_CHARS_MAX} characters`)
  }
  if (pointer === '') return []
  if (!pointer.startsWith('/')) throw new BriefError(path, 'a JSON pointer starts with /')
  if (/~(?![01])/.test(pointer)) throw new BriefError(path, 'in a JSON pointer ~ is written ~0 (and / is ~1)')
  return pointer
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Follow a pointer through own members only: `/__proto__` and `/toString` find nothing unless the document says so. @returns undefined if there is nothing. */
export function findAt(document: unknown, segments: readonly string[]): unknown {
  let node = document
  for (const segment of segments) {
    if (typeof node !== 'object' || node === null) return undefined
    if (Array.isArray(node) && !ARRAY_INDEX.test(segment)) return undefined
    if (!Object.hasOwn(node, segment)) return undefined
    node = (node as Record<string, unknown>)[segment]
  }
  return node
}
