import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Validators } from '@agent-marketplace/protocol/sealing'
import type { PlannedStep } from '../chain/chain-document.ts'
import { CHAIN_DEFAULTS, type ChainFileStep } from '../chain/chain-file.ts'
import { type ChainFault, type FaultPath, formatFault } from '../chain/fault.ts'
import { needsOf, referenceOf } from '../chain/find-plan-faults.ts'
import { parseChainFile } from '../chain/parse-chain-file.ts'
import { CliError, usage } from './cli-error.ts'
import { parseDuration } from './duration.ts'
import { readValidators } from './read-validators.ts'

/** A chain file with everything it names read, or all that is wrong with it. */
export type ReadChain = { readonly steps: PlannedStep[] } | { readonly faults: ChainFault[] }

/**
 * Read a chain file with its instructions, schemas, rules and tests; paths in it are relative to it. Its input files must be there.
 *
 * @throws CliError `usage` if the file itself cannot be read.
 */
export async function readChain(path: string): Promise<ReadChain> {
  const parsed = parseChainFile(readBytes(path))
  if ('faults' in parsed) return parsed
  const faults: ChainFault[] = []
  const steps: PlannedStep[] = []
  for (const [index, step] of parsed.file.steps.entries()) {
    const guard = async <T>(at: FaultPath, read: () => T | Promise<T>): Promise<T | undefined> => {
      try {
        return await read()
      } catch (error) {
        if (!(error instanceof CliError && error.code === 'usage')) throw error
        faults.push({ ...parsed.placeOf(['steps', index, ...at]), message: error.message })
        return undefined
      }
    }
    steps.push(await planStep(step, dirname(resolve(path)), guard))
  }
  faults.sort((a, b) => a.line - b.line || a.column - b.column)
  return faults.length > 0 ? { faults } : { steps }
}

/** As `readChain`. @throws CliError `usage` naming every fault. */
export async function readSoundChain(path: string): Promise<PlannedStep[]> {
  const chain = await readChain(path)
  if ('steps' in chain) return chain.steps
  const faults = chain.faults.map((fault) => formatFault(basename(path), fault))
  throw usage(faults.join('; '), `\`chain check ${path}\` lists them one by one`)
}

type Guard = <T>(at: FaultPath, read: () => T | Promise<T>) => Promise<T | undefined>

async function planStep(step: ChainFileStep, directory: string, guard: Guard): Promise<PlannedStep> {
  const { id, capability, agent, price, review, attempts, accept, lease } = step
  const input: PlannedStep['input'] = []
  for (const [at, text] of (step.input ?? []).entries()) {
    const output = referenceOf(text)
    if (output !== undefined) input.push({ output })
    else await guard(['input', at], () => input.push({ file: inputFile(resolve(directory, text), text) }))
  }
  const replacements = agent === undefined ? (step.replacements ?? CHAIN_DEFAULTS.replacements) : 0
  return {
    id,
    needs: needsOf(step),
    ...(capability !== undefined && { capability }),
    ...(agent !== undefined && { agentId: agent }),
    ...(price !== undefined && { price }),
    instructions: (await guard(['instructions'], () => readInstructions(step.instructions, directory))) ?? '',
    input,
    validators: await planValidators(step, directory, guard),
    ...(review && { review: planReview(review) }),
    attempts: attempts ?? CHAIN_DEFAULTS.attempts,
    replacements,
    acceptMs: parseDuration(accept ?? CHAIN_DEFAULTS.accept),
    leaseMs: parseDuration(lease ?? CHAIN_DEFAULTS.lease),
  }
}

function planReview(review: NonNullable<ChainFileStep['review']>): NonNullable<PlannedStep['review']> {
  const { capability, agents, count, price, rule, within } = review
  return {
    ...(capability !== undefined && { capability }),
    ...(agents && { agents }),
    count: count ?? agents?.length ?? 1,
    ...(price !== undefined && { price }),
    rule: rule ?? 'unanimous',
    withinMs: parseDuration(within ?? CHAIN_DEFAULTS.reviewWithin),
  }
}

async function planValidators({ validate = {} }: ChainFileStep, directory: string, guard: Guard): Promise<Validators> {
  const { schema, rules, tests } = validate
  const read = async (name: 'schema' | 'rules', named: string | undefined) => {
    if (named === undefined) return {}
    const path = resolve(directory, named)
    return guard(['validate', name], () => {
      refuseUnlessFile(path, named)
      return readValidators({ [name]: `@${path}` })
    })
  }
  const parts = [
    await read('schema', schema),
    await read('rules', rules),
    tests === undefined ? {} : await guard(['validate', 'tests'], () => readValidators({ tests: resolve(directory, tests) })),
  ]
  return Object.assign({}, ...parts)
}

function readInstructions(text: string, directory: string): string {
  const named = text.slice(1)
  return text.startsWith('@') ? new TextDecoder().decode(readBytes(resolve(directory, named), named)) : text
}

function inputFile(path: string, named: string): string {
  refuseUnlessFile(path, named)
  return path
}

function readBytes(path: string, named = path): Uint8Array {
  refuseUnlessFile(path, named)
  return inWords(named, () => readFileSync(path))
}

/** A pipe would be waited for, a device never ends. */
function refuseUnlessFile(path: string, named: string): void {
  const stat = inWords(named, () => statSync(path))
  if (!stat.isFile()) throw usage(`${named} is not a plain file`)
}

function inWords<T>(named: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    throw usage(code === 'ENOENT' ? `there is no file ${named}` : `cannot read ${named}: ${code ?? 'unknown error'}`)
  }
}
