import * as Flags from '@oclif/core/flags'
import type { Agent } from './agent/agent.ts'
import type { ChainEvent, ChainView, DriveOptions } from './agent/run-chain.ts'
import { AgentCommand } from './base-command.ts'
import { interruption } from './interruption.ts'
import type { ChainProgress } from './output/chain-progress.ts'
import type { GlobalFlags } from './settings/resolve.ts'

const EXIT_FAILED = 5
const COLUMNS = { steps: ['id', 'state', 'agentId', 'tries', 'assignmentId', 'reason', 'output'] }

/** Flags of commands that move a chain on. */
export const driveFlags = {
  budget: Flags.string({ summary: 'The most the chain may spend.', helpValue: 'CREDITS' }),
  follow: Flags.boolean({ summary: 'Tell what happens as it happens, a line each.' }),
}

interface DriveFlags extends GlobalFlags {
  readonly budget?: string | undefined
  readonly follow: boolean
}

/** Commands about task chains. */
export abstract class ChainCommand extends AgentCommand {
  /** Move a chain on and tell about it: as lines, or on stderr of a terminal, and at the end as it then is. Exit 5 if it has failed. */
  protected async drive(
    flags: DriveFlags,
    move: (agent: Agent, options: DriveOptions) => Promise<ChainView>,
  ): Promise<ChainView | undefined> {
    const { chainLine } = await import('./output/chain-line.ts')
    const { chainProgress } = await import('./output/chain-progress.ts')
    this.progress = flags.follow || this.jsonEnabled() ? undefined : chainProgress()
    const before = new Map<string | undefined, string>()
    const onStep = (event: ChainEvent) => {
      const text = chainLine(event)
      // Some is told at every look: only what is new about a step is worth a line.
      if (before.get(event.step) === text) return
      before.set(event.step, text)
      if (flags.follow) this.logLine(event, text)
      else if (this.progress) this.progress.tell(event)
      else this.note(text)
    }
    const patienceMs = flags.timeout === undefined ? undefined : flags.timeout * 1000
    const agent = await this.openAgent(flags)
    // Where it stops half-way, how far it has come stays on the screen.
    const view = await move(agent, { budget: flags.budget, onStep, signal: interruption, patienceMs }).catch((error) => {
      this.progress?.leave()
      throw error
    })
    this.progress?.erase()
    if (view.state !== 'done') process.exitCode = EXIT_FAILED
    if (!flags.follow) return this.showChain(view)
    if (this.jsonEnabled()) this.logLine({ event: 'result', ...view }, '')
    else this.showChain(view)
    return undefined
  }

  /** What is said beside the progress of a chain is said within it. */
  protected override note(text: string): void {
    if (this.progress) this.progress.note(text)
    else super.note(text)
  }

  protected showChain<V extends ChainView>(view: V): V {
    return this.show(view, COLUMNS)
  }

  private progress: ChainProgress | undefined
}
