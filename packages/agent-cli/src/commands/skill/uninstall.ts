import { AgentCommand } from '../../base-command.ts'
import { changeFlags } from '../../skill-flags.ts'

export default class SkillUninstall extends AgentCommand {
  static override summary = 'Remove the skill.'
  static override description =
    'Removes what `skill install` wrote and nothing else: files of your own in its directory stay, and so does everything if a file of the skill was edited, unless you say `--force`.'
  static override examples = ['<%= config.bin %> skill uninstall --dry-run', '<%= config.bin %> skill uninstall --scope project']
  static override flags = changeFlags

  async run(): Promise<{ installed: string[]; removed: string[] }> {
    const { flags } = await this.parse(SkillUninstall)
    const { statusOf, uninstallSkill } = await import('../../skill/skill.ts')
    const { placesOf, shippedSkill } = await import('../../skill/places.ts')
    const places = placesOf({ runtimes: flags.runtime, scope: flags.scope, project: process.cwd() })
    const shipped = shippedSkill(this.config)
    const removed = uninstallSkill(shipped, places, { isForced: flags.force, isDryRun: flags['dry-run'] })
    const left = places.filter((place) => statusOf(shipped, place).state !== 'absent')
    if (flags['dry-run']) this.log('Nothing was removed. With this command line, these would be:')
    return this.show({ installed: left.map(({ path }) => path), removed })
  }
}
