import { bashScript } from './bash.ts'
import { fishScript } from './fish.ts'
import { type CommandFacts, completionTable } from './table.ts'
import { zshScript } from './zsh.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const

/** @param program - What oclif knows of it: its commands and topics. */
export function completionScript(
  shell: Shell,
  {
    commands,
    topics,
  }: { commands: readonly CommandFacts[]; topics: readonly { name: string; description?: string | undefined }[] },
): string {
  return SCRIPTS[shell](completionTable(commands, topics))
}
