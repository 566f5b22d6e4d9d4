/** What a test says when it ran out of time, or when the fault kept it from running: nothing was found. */
const NOTHING_FOUND =
  /timed out in \d+ms|^SyntaxError|Transform failed|Failed to (?:load|resolve)|does not provide an export|Cannot find (?:module|package)/
const CHARS_MAX = 120

/**
 * Tell a test that is red because of what it found from one that is red because it could not go on.
 *
 * @param messages - What it said, each with its stack below.
 * @returns `wrong` if nobody of them found anything, else what the first one found, on one line.
 */
export function reasonOf(messages: readonly string[]): { wrong?: string; found?: string } {
  const first = messages.find((message) => !NOTHING_FOUND.test(message))
  const [line = ''] = (first ?? messages[0] ?? 'no message').split('\n', 1)
  return first === undefined
    ? { wrong: `red, but not because of what the test found: ${line}` }
    : { found: line.slice(0, CHARS_MAX) }
}
