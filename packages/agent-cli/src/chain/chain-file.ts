import {
  AgentId,
  ATTEMPTS_MAX,
  CapabilityName,
  CLOCK_MAX_MS,
  CLOCK_MIN_MS,
  isMovable,
  parseAmount,
  REVIEWERS_PER_TARGET_MAX,
  ReviewRule,
} from '@agent-marketplace/protocol'
import { z } from 'zod'
import { DURATION, parseDuration } from '../agent/duration.ts'

export const STEPS_MAX = 256
const STEP_ID_CHARS_MAX = 64
const FILES_MAX = 256
export const REPLACEMENTS_MAX = 9

/** What a chain file says of a step where it says nothing. */
export const CHAIN_DEFAULTS = { attempts: 1, replacements: 3, accept: '10m', lease: '10m', reviewWithin: '24h' } as const

/** The name of a step within its chain, and of the directory its output is put into. */
export const StepId = z
  .string()
  .max(STEP_ID_CHARS_MAX)
  .regex(/^[a-z0-9]+(?:[-_][a-z0-9]+)*$/, 'must be lower-case letters, digits, and - or _ between them')
  .describe(
    'The name of the step: unique in the file. Others mean it by this in `needs`, and its result by `id.output` in a reference.',
  )

const Price = z
  .string('must be an amount in quotes, such as "10"')
  .regex(/^(?:0|[1-9][0-9]*)(?:\.[0-9]{0,5}[1-9])?$/, 'must be an amount such as "10" or "5.25"')
  .refine((text) => isMovable(parseAmount(text) ?? 0n), 'must be more than 0 and at most 1000000000 credits')

const Duration = z
  .string('must be a duration such as 90s, 10m, 24h or 7d')
  .regex(DURATION, 'must be a duration such as 90s, 10m, 24h or 7d')
  .refine((text) => {
    const ms = DURATION.test(text) ? parseDuration(text) : CLOCK_MIN_MS
    return ms >= CLOCK_MIN_MS && ms <= CLOCK_MAX_MS
  }, 'must be from 1s to 30d')

const capability = CapabilityName.describe('Found among the agents that offer this, best first.')

const Review = z
  .strictObject({
    capability: capability.optional(),
    agents: z.array(AgentId).min(1).max(REVIEWERS_PER_TARGET_MAX).describe('Exactly these agents.').optional(),
    count: z.int().min(1).max(REVIEWERS_PER_TARGET_MAX).describe('How many reviewers (1).').optional(),
    price: Price.describe('Credits for each reviewer, whatever it finds.').optional(),
    rule: ReviewRule.describe('When the work passes (unanimous).').optional(),
    within: Duration.describe('Time for the verdicts after the work was handed in (24h).').optional(),
  })
  .describe('Who judges the work before it is paid. Without it the work is paid when it is handed in.')

const Step = z.strictObject({
  id: StepId,
  needs: z
    .array(StepId)
    .max(STEPS_MAX)
    .describe('Steps that must have passed before; those in `input` are meant anyway.')
    .optional(),
  capability: capability.optional(),
  agent: AgentId.describe('This agent and no other.').optional(),
  price: Price.describe('Credits for the work, in quotes. Without it the work is unpaid.').optional(),
  instructions: z.string().min(1).describe('What is to be done: a text, or @file.'),
  input: z.array(z.string().min(1)).max(FILES_MAX).describe(`Files, and results of other steps as \${id.output}.`).optional(),
  validate: z
    .strictObject({
      schema: z.string().min(1).describe('File with a JSON Schema (2020-12) the result must hold.').optional(),
      rules: z.string().min(1).describe('File with rules the result must hold.').optional(),
      tests: z.string().min(1).describe('Directory of tests with an executable `run`.').optional(),
    })
    .describe('How reviewers judge the work, on their machines.')
    .optional(),
  review: Review.optional(),
  attempts: z.int().min(1).max(ATTEMPTS_MAX).describe('How often one agent may hand the work in (1).').optional(),
  replacements: z
    .int()
    .min(0)
    .max(REPLACEMENTS_MAX)
    .describe('How many other agents may be asked after the first (3).')
    .optional(),
  accept: Duration.describe('Time to find an agent, and for it to accept (10m).').optional(),
  lease: Duration.describe('Time between signs of life of the agent at work (10m).').optional(),
})

/** A chain file as it is written. What one field says about another is checked by `findPlanFaults`. */
export const ChainFile = z.strictObject({
  version: z.literal(1, 'must be 1').describe('Of this format.'),
  steps: z.array(Step).min(1).max(STEPS_MAX).describe('Steps run as soon as those they need have passed.'),
})
export type ChainFile = z.infer<typeof ChainFile>
export type ChainFileStep = z.infer<typeof Step>
