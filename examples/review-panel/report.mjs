// A worker for `agent-marketplace daemon --exec`: writes `output/report.md` about every `tally.json` it is given.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const tallies = readdirSync('input').map((name) => JSON.parse(readFileSync(join('input', name), 'utf8')))
const paragraphs = tallies.map(({ count, average, stars }) => {
  const bars = Object.entries(stars).map(([star, number]) => `- ${star}: ${'*'.repeat(number)} ${number}`)
  return [`${count} people answered and gave ${average} of 5 stars.`, '', ...bars].join('\n')
})
writeFileSync('output/report.md', `# Survey\n\n${paragraphs.join('\n\n')}\n`)
