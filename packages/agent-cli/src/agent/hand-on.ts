import { copyFile, link, mkdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { ChainDocument, ChainStep } from '../chain/chain-document.ts'
import { chainsDirectory } from '../private/chains.ts'
import type { Agent } from './agent.ts'

interface Input {
  readonly path: string
  readonly from?: string
}

/**
 * The files a step is given: those its chain file names, and what the steps before it made. Where two have the same name, those that come from a step
 * are handed on as `STEP.NAME`.
 *
 * @returns Paths, the same ones whenever it is called.
 */
export async function inputFiles(agent: Agent, chain: ChainDocument, { plan }: ChainStep): Promise<string[]> {
  const inputs = plan.input.flatMap((each): Input[] =>
    'file' in each ? [{ path: each.file }] : outputOf(chain, each.output).map((path) => ({ path, from: each.output })),
  )
  const names = inputs.map(({ path }) => basename(path).normalize('NFC').toLowerCase())
  const isTaken = (at: number) => names.indexOf(names[at] ?? '') !== names.lastIndexOf(names[at] ?? '')
  const directory = join(chainsDirectory(agent.profile.directory), chain.chainId, `${plan.id}.input`)
  return Promise.all(
    inputs.map(({ path, from }, at) =>
      from !== undefined && isTaken(at) ? renamed(path, directory, `${from}.${basename(path)}`) : path,
    ),
  )
}

function outputOf({ steps }: ChainDocument, id: string): readonly string[] {
  const output = steps.find(({ plan }) => plan.id === id)?.output
  if (!output) throw new Error('a step runs after those it needs')
  return output
}

/** The same bytes under another name; a link costs nothing. */
async function renamed(path: string, directory: string, name: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const target = join(directory, name)
  await rm(target, { force: true })
  await link(path, target).catch(() => copyFile(path, target))
  return target
}
