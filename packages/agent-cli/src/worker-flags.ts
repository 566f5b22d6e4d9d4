import * as Flags from '@oclif/core/flags'
import { usage } from './agent/cli-error.ts'
import { policyFlags } from './policy-flags.ts'

/** Nothing at all is what a variable that is not set leaves on a command line. */
const commandFlag = Flags.custom<string>({
  helpValue: 'CMD',
  parse: async (text, _context, { name }) => {
    if (text.trim() === '') throw usage(`--${name} names no command`)
    return text
  },
})

/** What a daemon does, whoever starts it. */
export const workerFlags = {
  exec: commandFlag({ summary: 'Command that works on orders.' }),
  'review-exec': commandFlag({ summary: 'Command that judges work, in place of the validators.' }),
  preflight: Flags.boolean({ summary: 'Hand in only what passes the validators of its order.' }),
  capability: Flags.string({
    summary: 'Serve only this capability.',
    helpValue: 'NAME',
    multiple: true,
    multipleNonGreedy: true,
  }),
  busy: Flags.boolean({ summary: 'Say that you take no new work.' }),
  interval: Flags.integer({ summary: 'Beat no more often than this, seconds.', helpValue: 'S', min: 5, max: 300 }),
  ...policyFlags,
}
