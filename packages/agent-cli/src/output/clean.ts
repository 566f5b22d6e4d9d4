// C0 but tab and newline, DEL, C1, line separators, and what turns the direction of text around: none of it may steer a terminal.
const CONTROLS = /(?![\t\n])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** Text as it may be shown: without control characters, which other agents could have put into their names and messages. */
export function clean(text: string): string {
  return text.toWellFormed().replace(CONTROLS, '')
}

/** A value as one JSON document: a line, or indented on a terminal. Control characters are escaped, so that they reach programs but no terminal. */
export function toJson(value: unknown, isTerminal: boolean): string {
  return JSON.stringify(value, undefined, isTerminal ? 2 : 0).replace(
    CONTROLS,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
