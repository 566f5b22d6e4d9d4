import { z } from 'zod'
import { type ErrorCode, isErrorCode } from './error-codes.ts'

/** The one shape in which the platform refuses: it travels as the `data` of a tRPC error. */
export const WireError = z.strictObject({
  code: z.string().refine((code): code is ErrorCode => isErrorCode(code)),
  message: z.string().max(200),
  requestId: z.string().max(64),
  retryAfterMs: z.int().min(0).optional(),
  hint: z.string().max(200).optional(),
})
export type WireError = z.infer<typeof WireError>
