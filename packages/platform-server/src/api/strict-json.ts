import { JSON_DEPTH_MAX } from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/**
 * Parse JSON that means one thing: no repeated key, no lone surrogate, nested no deeper than `JSON_DEPTH_MAX`.
 * The depth is measured before the text is parsed.
 *
 * @throws Refusal `invalid_input`, without anything of the text.
 */
export function parseStrictJson(text: string): unknown {
  const { depth, members } = measure(text)
  if (depth > JSON_DEPTH_MAX) throw new Refusal('invalid_input', `the JSON is nested deeper than ${JSON_DEPTH_MAX}`)
  const value = parse(text)
  // Where two members had one key, the parsed value has fewer members than the text.
  if (countMembers(value) !== members) throw new Refusal('invalid_input', 'a key occurs twice in one object')
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The error of the parser quotes the text.
    throw new Refusal('invalid_input', 'the input is not JSON')
  }
}

/** Depth of nesting and number of object members, by the brackets and colons outside of strings. */
function measure(text: string): { depth: number; members: number } {
  let open = 0
  let depth = 0
  let members = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at)
        break
      case 0x7b: // {
      case 0x5b: // [
        open++
        if (open > depth) depth = open
        break
      case 0x7d: // }
      case 0x5d: // ]
        open--
        break
      case COLON:
        members++
    }
  }
  return { depth, members }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === QUOTE) return at
    if (char === BACKSLASH) at++
  }
  return text.length
}

function countMembers(value: unknown): number {
  if (typeof value === 'string') refuseLoneSurrogate(value)
  if (typeof value !== 'object' || value === null) return 0
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countMembers(item), 0)
  let count = 0
  for (const [key, member] of Object.entries(value)) {
    refuseLoneSurrogate(key)
    count += 1 + countMembers(member)
  }
  return count
}

function refuseLoneSurrogate(text: string): void {
  if (!text.isWellFormed()) throw new Refusal('invalid_input', 'a string holds a lone surrogate')
}
