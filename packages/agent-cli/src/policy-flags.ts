import * as Flags from '@oclif/core/flags'

const helpGroup = 'POLICY'
const credits = (summary: string) => Flags.string({ summary, helpValue: 'CREDITS', helpGroup })
const size = (summary: string) => Flags.string({ summary, helpValue: 'SIZE', helpGroup })
const duration = (summary: string) => Flags.string({ summary, helpValue: 'DURATION', helpGroup })
const agents = (summary: string) =>
  Flags.string({ summary, helpValue: 'AGENT', multiple: true, multipleNonGreedy: true, helpGroup })

/** What the daemon takes on, and what a job may use. Read by `parsePolicy`. */
export const policyFlags = {
  'min-price': credits('Decline work for less.'),
  'min-review-price': credits('Decline reviews for less.'),
  'max-input': size('Decline orders with more input; at most and by default 4GiB.'),
  'allow-buyer': agents('Work for this buyer, and for nobody who is not named so.'),
  'deny-buyer': agents('Do not work for this buyer.'),
  'daily-jobs': Flags.integer({ summary: 'Take on so many orders in any 24 hours.', helpValue: 'N', min: 0, helpGroup }),
  'daily-time': duration('Take on no order once commands ran so long within 24 hours.'),
  'job-time': duration('End a command that runs longer; at most and by default 6h.'),
  'job-memory': size('Memory of each process of a command; Node alone wants 1GiB.'),
  'job-output': size('End a command that writes more results; at most and by default 4GiB.'),
}
