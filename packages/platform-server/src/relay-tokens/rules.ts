import {
  isRelayTokenEpochSpendable,
  RELAY_TOKENS_PER_EPOCH,
  type RelayTokenClass,
  relayTokenEpochAt,
} from '@agent-marketplace/protocol'
import { Refusal } from '../errors.ts'

/** The epochs whose tokens are issued: this one, and the next so that nobody has to draw in the first minute of a week. */
export function issuedEpochs(nowMs: number): readonly number[] {
  const epoch = relayTokenEpochAt(nowMs)
  return [epoch, epoch + 1]
}

/** @throws Refusal `wrong_state` for an epoch that is over or still far away. */
export function refuseEpoch(epoch: number, nowMs: number): void {
  if (!issuedEpochs(nowMs).includes(epoch))
    throw new Refusal('wrong_state', 'tokens are issued for this epoch and the next', { hint: 'compare clocks: server.info' })
}

/** @returns the first epoch whose keys are still of use: the one before this, as long as its tokens are good. */
export function firstKeptEpoch(nowMs: number): number {
  const epoch = relayTokenEpochAt(nowMs)
  return isRelayTokenEpochSpendable(epoch - 1, nowMs) ? epoch - 1 : epoch
}

/**
 * Everybody may draw the same number, whoever they are.
 *
 * @param drawn - Tokens of this class that the agent has drawn in this epoch.
 * @throws Refusal `capacity_exceeded` when as many again as `count` would be too many.
 */
export function refuseOverdraw(tokenClass: RelayTokenClass, { drawn, count }: { drawn: number; count: number }): void {
  if (drawn + count > RELAY_TOKENS_PER_EPOCH[tokenClass]) throw overdrawn()
}

export function overdrawn(): Refusal {
  return new Refusal('capacity_exceeded', 'not so many tokens of this class are left to this agent in this epoch')
}
