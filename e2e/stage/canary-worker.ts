/** Marks a worker leaves: in what it makes, in the name of that, and in what it says on its way. */
export interface WorkerMarks {
  readonly result: string
  readonly resultName: string
  readonly stderr: string
}

/**
 * Source of a worker that does as its order says: `mode:good` makes the result, `mode:bad` another one, `mode:rework` a bad one first and then the
 * good one, `mode:crash` fails after saying why.
 */
export function workerSource({ result, resultName, stderr }: WorkerMarks): string {
  return `import { readFileSync, writeFileSync } from 'node:fs'
const { instructions, attempt } = JSON.parse(readFileSync('order.json', 'utf8'))
const mode = /mode:([a-z]+)/.exec(instructions)?.[1]
console.error(${JSON.stringify(stderr)})
if (mode === 'crash') throw new Error(${JSON.stringify(stderr)})
const isGood = mode === 'good' || (mode === 'rework' && attempt === 2)
writeFileSync('output/${resultName}.json', JSON.stringify({ value: isGood ? ${JSON.stringify(result)} : 'something else' }))
`
}
