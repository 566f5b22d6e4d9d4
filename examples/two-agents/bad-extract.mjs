// A worker that looks busy and delivers something wrong, the way a careless program does: it reads only the beginning, splits at spaces, keeps
// upper case and duplicates, and makes up an address where it finds a name. The reviewers must not let this pass.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const files = readdirSync('input', { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
const text = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')).join('\n')
const beginning = text.split('\n').slice(0, 200).join('\n')

const seen = beginning.split(/\s+/).filter((word) => word.includes('@'))
const guessed = beginning.split('\n').flatMap((line) => {
  const [, first, last] = /^([A-Z][a-z]+) ([A-Z][a-z]+)$/.exec(line) ?? []
  return first && last ? [`${first}.${last}@example.com`] : []
})
const addresses = ['Unknown@Example.COM', ...seen, ...guessed, 'Unknown@Example.COM'].map((address) => ({ address, count: 1 }))

mkdirSync('output', { recursive: true })
writeFileSync('output/emails.json', `${JSON.stringify({ version: 1, total: `${addresses.length}`, addresses }, null, 2)}\n`)
console.log('done')
