import { randomInt } from 'node:crypto'
import { RelayTokenClass } from '@agent-marketplace/protocol'
import { readFact, writeFact } from '../private/facts.ts'
import type { Agent } from './agent.ts'
import { CliError } from './cli-error.ts'
import { drawTokens } from './draw-tokens.ts'
import { findTokenKey, type TokenKey } from './token-keys.ts'

const DAY_MS = 86_400_000
/** What everybody draws of each class every day, used or not: the number says nothing of what an agent does. */
export const DRAWN_A_DAY = 30

/**
 * Draw the day's tokens of each class when its moment has come: a random one, so that the draw says nothing of when tokens are spent.
 * They are for the week that tomorrow lies in, so the stock is there before a week begins.
 *
 * @returns the next such moment, ms.
 */
export async function drawAhead(agent: Agent): Promise<number> {
  const dueAtMs: number[] = []
  for (const tokenClass of RelayTokenClass.options) dueAtMs.push(await drawDue(agent, tokenClass))
  return Math.min(...dueAtMs)
}

async function drawDue(agent: Agent, tokenClass: RelayTokenClass): Promise<number> {
  const { vault, server } = agent
  const name = `tokens.due ${tokenClass} ${server}`
  const nowMs = agent.now()
  const plan = (fromMs: number): number => {
    const dueAtMs = fromMs + randomInt(DAY_MS)
    writeFact(vault, name, String(dueAtMs))
    return dueAtMs
  }

  const planned = Number(readFact(vault, name) ?? plan(nowMs))
  // One that is farther away was planned by a clock that was wrong.
  const dueAtMs = planned - nowMs > 2 * DAY_MS ? plan(nowMs) : planned
  if (nowMs < dueAtMs) return dueAtMs
  const key = await findTokenKey(await agent.relay(), tokenClass, nowMs + DAY_MS)
  if (key) await drawUnlessRefused(agent, key)
  // Some time tomorrow.
  return plan((Math.floor(nowMs / DAY_MS) + 1) * DAY_MS)
}

/** A day's tokens that nobody waits for are not worth asking for twice. */
async function drawUnlessRefused(agent: Agent, key: TokenKey): Promise<void> {
  try {
    await drawTokens(agent, key, DRAWN_A_DAY)
  } catch (error) {
    const isRefused = error instanceof CliError && (error.code === 'capacity_exceeded' || error.code === 'wrong_state')
    if (!isRefused) throw error
  }
}
