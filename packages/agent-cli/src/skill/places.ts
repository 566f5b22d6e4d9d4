import { homedir } from 'node:os'
import { join } from 'node:path'
import { localState } from '../agent/cli-error.ts'

/** Name of the skill, and of its directory everywhere. */
export const SKILL = 'agent-marketplace'

/** Where agent programs look for skills, below a home or a project. `agents` is the directory that most of them share. */
const DIRECTORIES = { agents: ['.agents', 'skills'], claude: ['.claude', 'skills'] } as const

export type Runtime = keyof typeof DIRECTORIES
export type Scope = 'user' | 'project'

export const RUNTIMES = Object.keys(DIRECTORIES) as Runtime[]
export const SCOPES: readonly Scope[] = ['user', 'project']

/** One directory the skill may be in. */
export interface Place {
  readonly runtime: Runtime
  readonly scope: Scope
  readonly path: string
}

/** @param project - Directory of the project, for that scope. @throws CliError `local_state` if this user has no home directory. */
export function placesOf({
  runtimes = RUNTIMES,
  scope,
  project,
}: {
  runtimes?: readonly Runtime[] | undefined
  scope: Scope
  project: string
}): Place[] {
  const base = scope === 'user' ? homedir() : project
  if (base === '') throw localState('this user has no home directory', { hint: 'set HOME, or use --scope project' })
  return runtimes.map((runtime) => ({ runtime, scope, path: join(base, ...DIRECTORIES[runtime], SKILL) }))
}

/** The skill as it lies in this package. @param config - Of oclif: where the package is. */
export function shippedSkill({ root, version }: { root: string; version: string }): { source: string; version: string } {
  return { source: join(root, 'dist', 'skills', SKILL), version }
}
