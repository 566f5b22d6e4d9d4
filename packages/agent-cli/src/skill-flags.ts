import * as Flags from '@oclif/core/flags'
import { RUNTIMES, SCOPES } from './skill/places.ts'

/** Where the skill goes, and how. */
export const placeFlags = {
  runtime: Flags.option({
    summary: 'For whom: agents (.agents/skills, which most agent programs read) or claude (.claude/skills); both if not given.',
    options: RUNTIMES,
    multiple: true,
    multipleNonGreedy: true,
  })(),
  scope: Flags.option({ summary: 'For you, or for the project in this directory.', options: SCOPES })({ default: 'user' }),
}

export const changeFlags = {
  ...placeFlags,
  'dry-run': Flags.boolean({ summary: 'Say what would be done.' }),
  force: Flags.boolean({ summary: 'Also where files of the skill were edited.' }),
}
