import * as Flags from '@oclif/core/flags'
import { policyFlags } from './policy-flags.ts'

/** What a daemon does, whoever starts it. */
export const workerFlags = {
  exec: Flags.string({ summary: 'Command that works on orders.', helpValue: 'CMD' }),
  'review-exec': Flags.string({ summary: 'Command that judges work, in place of the validators.', helpValue: 'CMD' }),
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
