// A worker for `agent-marketplace daemon --exec`: reads every file under `input/`, writes `output/emails.json`. Needs nothing but Node.
import { createReadStream, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const ADDRESS_CHARS_MAX = 254
const ADDRESS =
  /(?<![a-z0-9])[a-z0-9][a-z0-9._%+'-]{0,63}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+/gi
/** An mbox separator starts a header block; message ids in it look like addresses and are none. */
const SEPARATOR = /^From \S+ .*\d{4}$/
const ID_HEADER = /^(?:message-id|in-reply-to|references|content-id):/i

/** Addresses of one line, as they are written, without the punctuation around them. */
function findAddresses(line) {
  const isAddress = (text) => text.length <= ADDRESS_CHARS_MAX && /\.[a-z]{2,}$/i.test(text) && !/\.[.@]/.test(text)
  return [...line.matchAll(ADDRESS)].map(([text]) => text).filter(isAddress)
}

/** @yields {[line: string, lineNumber: number]} the lines, from 1, that may hold addresses */
async function* readLines(path) {
  let isHeader = false
  let isIdHeader = false
  let number = 0
  for await (const line of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1
    if (SEPARATOR.test(line)) isHeader = true
    else if (line === '') isHeader = false
    isIdHeader = isHeader && (ID_HEADER.test(line) || (isIdHeader && /^\s/.test(line)))
    if (!isIdHeader) yield [line, number]
  }
}

const files = readdirSync('input', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .sort()
if (files.length === 0) {
  console.error('there is no file under input/')
  process.exit(1)
}

const found = new Map()
for (const file of files) {
  for await (const [line, number] of readLines(file)) {
    for (const written of findAddresses(line)) {
      const address = written.toLowerCase()
      const entry = found.get(address)
      if (entry) entry.count += 1
      else found.set(address, { address, count: 1, firstLine: number })
    }
  }
}

const addresses = [...found.values()].sort((a, b) => (a.address < b.address ? -1 : 1))
mkdirSync('output', { recursive: true })
writeFileSync('output/emails.json', `${JSON.stringify({ version: 1, total: addresses.length, addresses }, null, 2)}\n`)
console.log(`${addresses.length} addresses in ${files.length} file(s)`)
