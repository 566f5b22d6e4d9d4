import { z } from 'zod'

const RULES_MAX = 256
const SUITE_FILES_MAX = 64
const COMMAND_ARGUMENTS_MAX = 32

/** How work is to be judged, as it travels: the shapes only. Whoever runs them checks what they say. */
export const Validators = z.strictObject({
  /** JSON Schema 2020-12. */
  schema: z.unknown().optional(),
  rules: z
    .strictObject({
      version: z.literal(1),
      threshold: z.number().min(0).max(1),
      rules: z
        .array(
          z.strictObject({
            id: z.string().max(64).optional(),
            pointer: z.string(),
            op: z.string().max(64),
            value: z.unknown().optional(),
            weight: z.number().positive(),
          }),
        )
        .min(1)
        .max(RULES_MAX),
    })
    .optional(),
  tests: z
    .strictObject({
      files: z
        .array(z.strictObject({ name: z.string().min(1), contentBase64: z.string() }))
        .min(1)
        .max(SUITE_FILES_MAX),
      command: z.array(z.string().min(1)).min(1).max(COMMAND_ARGUMENTS_MAX),
      timeoutMs: z.int().min(1).optional(),
    })
    .optional(),
})
export type Validators = z.infer<typeof Validators>

/** One finding of a validator. `reason` may quote brief and work: as private as they are. */
export const Check = z.strictObject({
  name: z.string().max(1000),
  kind: z.enum(['schema', 'rule', 'test']),
  passed: z.boolean(),
  weight: z.number().positive(),
  reason: z.string().max(1000).optional(),
})
export type Check = z.infer<typeof Check>
