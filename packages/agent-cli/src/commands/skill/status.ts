import { AgentCommand } from '../../base-command.ts'
import type { SkillStatus as Status } from '../../skill/skill.ts'

export default class SkillStatus extends AgentCommand {
  static override summary = 'Say where the skill is installed, and whether it is this version and as it was installed.'
  static override description = 'Looks at the places of this user and at those of the project in this directory.'
  static override examples = ['<%= config.bin %> skill status']

  async run(): Promise<{ installed: string[]; skills: Status[] }> {
    await this.parse(SkillStatus)
    const { statusOf } = await import('../../skill/skill.ts')
    const { placesOf, SCOPES, shippedSkill } = await import('../../skill/places.ts')
    const places = SCOPES.flatMap((scope) => placesOf({ scope, project: process.cwd() }))
    const skills = places.map((place) => statusOf(shippedSkill(this.config), place))
    const installed = skills.filter(({ state }) => state !== 'absent').map(({ path }) => path)
    return this.show({ installed, skills }, { skills: ['state', 'runtime', 'scope', 'version', 'path'] })
  }
}
