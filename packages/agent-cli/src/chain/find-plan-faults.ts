import { basename } from 'node:path'
import type { ChainFile, ChainFileStep } from './chain-file.ts'
import { type PlanFault, suggest } from './fault.ts'

/** An input that is the output of an earlier step. */
const REFERENCE = /^\$\{([^{}]*)\}$/
const OUTPUT = '.output'

/** The step an input takes the output of, `undefined` for a file. */
export function referenceOf(input: string): string | undefined {
  const [, inside] = REFERENCE.exec(input) ?? []
  return inside?.endsWith(OUTPUT) ? inside.slice(0, -OUTPUT.length) : undefined
}

/** The steps one step needs, named or by their output, each once. */
export function needsOf({ needs = [], input = [] }: Pick<ChainFileStep, 'needs' | 'input'>): string[] {
  return [...new Set([...needs, ...input.flatMap((each) => referenceOf(each) ?? [])])]
}

/** What is wrong with a chain as a whole, all of it: who does a step, names that are not there or there twice, circles. */
export function findPlanFaults({ steps }: ChainFile): PlanFault[] {
  const ids = steps.map(({ id }) => id)
  const faults = steps.flatMap((step, index) =>
    [...findWhoFaults(step), ...findNameFaults(step, ids, index)].map((fault) => ({
      ...fault,
      path: ['steps', index, ...fault.path],
    })),
  )
  // A circle is told only of steps whose names can be trusted.
  return faults.length > 0 ? faults : findCircle(steps)
}

function findWhoFaults({ capability, agent, review }: ChainFileStep): PlanFault[] {
  const faults: PlanFault[] = []
  if (capability === undefined && agent === undefined)
    faults.push({ path: [], message: 'a step needs a "capability" or an "agent" to do it' })
  if (capability !== undefined && agent !== undefined)
    faults.push({ path: ['agent'], message: 'a step has a "capability" or an "agent", not both', isKey: true })
  if (review === undefined) return faults

  const { agents, count } = review
  if (review.capability === undefined && agents === undefined)
    faults.push({ path: ['review'], message: 'a review needs a "capability" or "agents" to judge the work' })
  if (review.capability !== undefined && agents !== undefined)
    faults.push({ path: ['review', 'agents'], message: 'a review has a "capability" or "agents", not both', isKey: true })
  if (agents && new Set(agents).size !== agents.length)
    faults.push({ path: ['review', 'agents'], message: 'an agent reviews the same work once' })
  if (agents && count !== undefined && count > agents.length)
    faults.push({ path: ['review', 'count'], message: `only ${agents.length} are named in "agents"` })
  if (agent !== undefined && agents?.includes(agent))
    faults.push({ path: ['review', 'agents'], message: 'the agent that does the work cannot review it' })
  return faults
}

function findNameFaults({ id, needs = [], input = [] }: ChainFileStep, ids: readonly string[], index: number): PlanFault[] {
  const faults: PlanFault[] = []
  if (ids.indexOf(id) !== index) faults.push({ path: ['id'], message: `there is another step "${id}"` })
  for (const [at, need] of needs.entries()) faults.push(...findMissing(need, ids, ['needs', at]))
  for (const [at, text] of input.entries()) {
    const path = ['input', at]
    const reference = referenceOf(text)
    if (reference !== undefined) faults.push(...findMissing(reference, ids, path))
    else if (text.includes('${'))
      faults.push({ path, message: `"${text}" is no reference: write \${step.output}, and nothing beside it` })
  }
  const names = input.map((text) => (referenceOf(text) === undefined ? basename(text) : text))
  for (const [at, name] of names.entries())
    if (names.indexOf(name) !== at) faults.push({ path: ['input', at], message: `another input is named "${name}", too` })
  return faults
}

function findMissing(id: string, ids: readonly string[], path: readonly (string | number)[]): PlanFault[] {
  return ids.includes(id) ? [] : [{ path, message: `there is no step "${id}"${suggest(id, ids)}` }]
}

/** One circle, told at the step that closes it. */
function findCircle(steps: readonly ChainFileStep[]): PlanFault[] {
  const needs = new Map(steps.map((step) => [step.id, needsOf(step)]))
  const done = new Set<string>()
  const walk = (id: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.includes(id)) return [...way.slice(way.indexOf(id)), id]
    if (done.has(id)) return undefined
    for (const need of needs.get(id) ?? []) {
      const circle = walk(need, [...way, id])
      if (circle) return circle
    }
    done.add(id)
    return undefined
  }
  for (const [index, { id }] of steps.entries()) {
    const circle = walk(id, [])
    if (circle) return [{ path: ['steps', index], message: `these steps wait for each other: ${circle.join(' needs ')}` }]
  }
  return []
}
