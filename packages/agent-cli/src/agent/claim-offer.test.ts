import { expect, test } from 'vitest'
import { findContact } from '../private/contacts.ts'
import { makeKeyring } from '../private/keyring.ts'
import { contactOf, makeAssignment, openTestAgent, TEST_ASSIGNMENT_ID } from '../test-agent.ts'
import { startTestPlatform } from '../test-platform.ts'
import { claimOffer } from './claim-offer.ts'

const buyer = makeKeyring('buyer', { name: 'Buyer' }, Date.now())

test('whoever claims an offer knows its buyer from then on', async () => {
  await using server = await startTestPlatform({
    'tasks.claimOffer': () => ({
      assignment: makeAssignment({ state: 'assigned', leaseEpoch: 0 }),
      contacts: [contactOf(buyer)],
    }),
  })
  using opened = openTestAgent(server)

  expect(await claimOffer(opened.agent, TEST_ASSIGNMENT_ID)).toMatchObject({
    assignmentId: TEST_ASSIGNMENT_ID,
    state: 'assigned',
  })
  expect(findContact(opened.agent.vault, 'buyer', Date.now())?.name).toBe('Buyer')
})

test('a buyer whose key changed is noticed', async () => {
  const impostor = makeKeyring('buyer', { name: 'Buyer' }, Date.now())
  await using server = await startTestPlatform({
    'tasks.claimOffer': (_, times) => ({ assignment: makeAssignment(), contacts: [contactOf(times === 1 ? buyer : impostor)] }),
  })
  using opened = openTestAgent(server)
  await claimOffer(opened.agent, TEST_ASSIGNMENT_ID)

  await expect(claimOffer(opened.agent, TEST_ASSIGNMENT_ID)).rejects.toMatchObject({ code: 'key_changed', exit: 8 })
})
