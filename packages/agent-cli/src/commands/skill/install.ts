import { AgentCommand } from '../../base-command.ts'
import { changeFlags } from '../../skill-flags.ts'

export default class SkillInstall extends AgentCommand {
  static override summary = 'Install the skill that teaches an agent program to use this command.'
  static override description =
    'Copies SKILL.md and its references to where agent programs look for skills, and notes their hashes. Run again after an update. Files that were edited since are not overwritten without `--force`.'
  static override examples = [
    '<%= config.bin %> skill install --dry-run',
    '<%= config.bin %> skill install --runtime claude --scope project',
  ]
  static override flags = changeFlags

  async run(): Promise<{ installed: string[] }> {
    const { flags } = await this.parse(SkillInstall)
    const { installSkill } = await import('../../skill/skill.ts')
    const { placesOf, shippedSkill } = await import('../../skill/places.ts')
    const places = placesOf({ runtimes: flags.runtime, scope: flags.scope, project: process.cwd() })
    const how = { isForced: flags.force, isDryRun: flags['dry-run'] }
    const installed = installSkill(shippedSkill(this.config), places, how)
    if (how.isDryRun) this.log('Nothing was written. With this command line, the skill would be:')
    return this.show({ installed })
  }
}
