import type { ErrorCode } from '@agent-marketplace/protocol'
import { expect } from 'vitest'
import { findRefusal } from '../src/api/wire-error.ts'
import type { Refusal } from '../src/errors.ts'
import type { Database } from '../src/storage/database.ts'
import { digestState } from './digest-state.ts'

/**
 * Expect an attempt to be refused with this code, and to have changed nothing that is stored.
 *
 * @returns the refusal.
 */
export async function expectRefusal(
  platform: { readonly deps: { readonly db: Database } },
  code: ErrorCode,
  attempt: () => Promise<unknown>,
): Promise<Refusal> {
  const before = await digestState(platform)
  const outcome = await attempt().then(
    () => undefined,
    (error: unknown) => findRefusal(error) ?? error,
  )
  expect(outcome).toMatchObject({ name: 'Refusal', code })
  expect(await digestState(platform), 'what is stored').toBe(before)
  return outcome as Refusal
}
