import { fc, it } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../errors.ts'
import { availableOf, EXTERNAL, FEES, type HoldRecord, heldOf, move, partiesOf, settleHold } from './rules.ts'

const anyHold = fc.record({
  holdId: fc.constant('hold_1'),
  assignmentId: fc.constant('asg_1'),
  payerId: fc.constant('buyer'),
  payeeId: fc.constantFrom('executor', 'buyer'),
  amountMicro: fc.bigInt(1n, 10n ** 15n),
  feeBps: fc.integer({ min: 0, max: 10_000 }),
  state: fc.constant('active' as const),
  madeAtMs: fc.nat(),
})
const holdOf = (more: Partial<HoldRecord>): HoldRecord => ({
  holdId: 'hold_1',
  assignmentId: 'asg_1',
  payerId: 'buyer',
  payeeId: 'executor',
  amountMicro: 1_000_000n,
  feeBps: 0,
  state: 'active',
  madeAtMs: 0,
  ...more,
})

describe('how a hold ends', () => {
  it.prop([anyHold, fc.nat({ max: 10_000 })])(
    'a settlement empties its hold exactly, out of the payer’s held account',
    (hold, share) => {
      const earned = (hold.amountMicro * BigInt(share)) / 10_000n
      const { settles, kind, postings } = settleHold(hold, earned)

      expect(settles).toBe(hold.holdId)
      expect(kind).toBe(earned > 0n ? 'capture' : 'release')
      expect(postings.every((each) => each.from === heldOf(hold.payerId) && each.amountMicro > 0n)).toBe(true)
      expect(postings.reduce((sum, each) => sum + each.amountMicro, 0n)).toBe(hold.amountMicro)
    },
  )

  it.prop([anyHold])('the fee is its share of what is earned, rounded down in favour of the payee', (hold) => {
    const { postings } = settleHold(hold, hold.amountMicro)
    const paidTo = (account: string) =>
      postings.filter((each) => each.to === account).reduce((sum, each) => sum + each.amountMicro, 0n)

    expect(paidTo(FEES)).toBe((hold.amountMicro * BigInt(hold.feeBps)) / 10_000n)
    expect(paidTo(availableOf(hold.payeeId))).toBe(hold.amountMicro - paidTo(FEES))
  })

  it.prop([anyHold])('what is not earned goes back whole, without a fee', (hold) => {
    expect(settleHold(hold, 0n).postings).toEqual([move(heldOf('buyer'), availableOf('buyer'), hold.amountMicro)])
  })

  test.for([
    [1n, 9_999, 0n, 1n],
    [3n, 5_000, 1n, 2n],
    [10_000n, 1, 1n, 9_999n],
    [1_000_000n, 10_000, 1_000_000n, 0n],
  ] as const)('of %d micro at %d basis points %d are the fee and %d are paid', ([amountMicro, feeBps, fee, paid]) => {
    const { postings } = settleHold(holdOf({ amountMicro, feeBps }), amountMicro)

    expect(postings.find((each) => each.to === FEES)?.amountMicro ?? 0n).toBe(fee)
    expect(postings.find((each) => each.to === availableOf('executor'))?.amountMicro ?? 0n).toBe(paid)
  })

  test('the hold of an offer nobody claimed goes back, and is never captured', () => {
    const hold = holdOf({ payeeId: undefined })

    expect(settleHold(hold, 0n).postings).toEqual([move(heldOf('buyer'), availableOf('buyer'), 1_000_000n)])
    expect(() => settleHold(hold, 1n)).toThrow(/somebody earns it/)
  })

  test.for(['captured', 'released'] as const)('a hold that is %s does not end again', (state) => {
    expect(() => settleHold(holdOf({ state }), 1n)).toThrow(new Refusal('already_settled', `the hold is ${state}`))
  })

  test.for([-1n, 1_000_001n])('%d of a million is a fault, not a settlement', (earned) => {
    expect(() => settleHold(holdOf({}), earned)).toThrow(/earned within the hold/)
  })
})

test('the parties of an entry are the agents whose accounts it touches, each once; the platform and the outside are none', () => {
  const postings = [
    move(heldOf('buyer'), availableOf('executor'), 1n),
    move(heldOf('buyer'), FEES, 1n),
    move(EXTERNAL, availableOf('buyer'), 1n),
  ]

  expect(partiesOf(postings)).toEqual(['buyer', 'executor'])
})
