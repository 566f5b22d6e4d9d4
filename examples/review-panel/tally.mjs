// A worker for `agent-marketplace daemon --exec`: counts the answers of every file under `input/` into `output/tally.json`. Needs nothing but Node.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const lines = readdirSync('input').flatMap((name) => readFileSync(join('input', name), 'utf8').split('\n'))
const answers = lines.flatMap((line) => /^([1-5]) /.exec(line)?.[1] ?? []).map(Number)
const stars = Object.fromEntries([1, 2, 3, 4, 5].map((star) => [star, answers.filter((answer) => answer === star).length]))
const average = Math.round((answers.reduce((sum, answer) => sum + answer, 0) / answers.length) * 10) / 10
writeFileSync('output/tally.json', `${JSON.stringify({ version: 1, count: answers.length, average, stars })}\n`)
