import { setFlagsFromString } from 'node:v8'
import { BriefError } from './brief-error.ts'

/** Of a pattern as written. */
const PATTERN_CHARS_MAX = 1_000
/** Of a pattern once its counts are written out: matching takes time in proportion to this times the text. */
const EXPANDED_CHARS_MAX = 8_000

// A class, an escape or one character, each possibly with a count. In a `u` pattern a lone brace is a syntax error, so a count is a count.
const COUNTED = /(\[(?:\\.|[^\]\\])*\]|\\(?:u[0-9a-f]{4}|x[0-9a-f]{2}|c[a-z]|k<[^>]*>|.)|[^\\[])(?:\{(\d+)(,?)(\d*)\}\??)?/gis
const UNICODE_ONLY = /\\[pP]\{|\\u\{|[\ud800-\udfff]/

let isLinearEngineOn = false

/**
 * Compile a pattern of a brief so that matching takes linear time, whatever the pattern and the text: V8's non-backtracking engine (flag `l`).
 * It must be a valid `u` pattern. Not supported, because that engine does not run them: backreferences, lookahead, `\p{…}`, `\u{…}`, characters
 * outside the basic plane, counts above 16 on groups. Unlike with `u`, such characters in a text count as two.
 *
 * @throws BriefError saying which.
 */
export function compilePattern(source: unknown, path: string): RegExp {
  if (typeof source !== 'string' || source.length > PATTERN_CHARS_MAX) {
    throw new BriefError(path, `must be a regular expression of at most ${PATTERN_CHARS_MAX} characters`)
  }
  try {
    new RegExp(source, 'u')
  } catch (cause) {
    throw new BriefError(path, 'is not a regular expression (of the kind with the flag u)', { cause })
  }
  if (UNICODE_ONLY.test(source.replaceAll('\\\\', ''))) {
    throw new BriefError(
      path,
      'uses \\p{…}, \\u{…} or a character outside the basic plane, which cannot be matched in linear time here',
    )
  }
  const expanded = expandCounts(source, path)
  if (!isLinearEngineOn) setFlagsFromString('--enable-experimental-regexp-engine')
  isLinearEngineOn = true
  try {
    return new RegExp(expanded, 'l')
  } catch (cause) {
    throw new BriefError(
      path,
      'cannot be matched in linear time: no lookaround, no backreferences, no count above 16 on a group',
      { cause },
    )
  }
}

/** The engine refuses large counts because it copies what is counted; for single characters and classes we copy, within our own bound. */
function expandCounts(source: string, path: string): string {
  let length = 0
  return source.replace(COUNTED, (whole, atom: string, atLeast?: string, comma?: string, atMost?: string) => {
    const isCounted = atLeast !== undefined && atom !== ')'
    const low = isCounted ? Number(atLeast) : 0
    const high = comma === '' ? low : Number(atMost)
    length += isCounted ? atom.length * Math.max(low, high) + high : whole.length
    if (length > EXPANDED_CHARS_MAX) throw new BriefError(path, `its counts make it longer than ${EXPANDED_CHARS_MAX} characters`)
    if (!isCounted) return whole
    if (comma && atMost === '') return `${atom.repeat(low)}${atom}*`
    return `(?:${atom.repeat(low)}${`${atom}?`.repeat(high - low)})`
  })
}
