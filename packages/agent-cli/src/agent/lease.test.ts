import { expect, test } from 'vitest'
import { findContact } from '../private/contacts.ts'
import { makeKeyring } from '../private/keyring.ts'
import { contactOf, makeAssignment, openTestAgent, TEST_ASSIGNMENT_ID } from '../test-agent.ts'
import { startTestPlatform, TestRefusal } from '../test-platform.ts'
import { acceptAssignment, completeAssignment, readAssignment, renewLease } from './lease.ts'

const buyer = makeKeyring('buyer', { name: 'Buyer' }, Date.now())

test('a paused holder acts under the lease it was given, not under the one of today', async () => {
  await using server = await startTestPlatform({
    'tasks.acceptAssignment': () => makeAssignment({ leaseEpoch: 1 }),
    'tasks.getAssignment': () => ({ assignment: makeAssignment({ leaseEpoch: 2 }), contacts: [] }),
    'tasks.completeAssignment': ({ input }) => {
      if ((input as { leaseEpoch: number }).leaseEpoch !== 2) throw new TestRefusal('stale_lease')
      return makeAssignment({ state: 'submitted', leaseEpoch: 2 })
    },
  })
  using opened = openTestAgent(server)
  const { agent } = opened
  await acceptAssignment(agent, TEST_ASSIGNMENT_ID)

  await expect(completeAssignment(agent, TEST_ASSIGNMENT_ID)).rejects.toMatchObject({ code: 'stale_lease', exit: 5 })
  expect(server.names()).not.toContain('tasks.getAssignment')

  // Who reads the assignment knows of its new lease.
  await readAssignment(agent, TEST_ASSIGNMENT_ID)
  expect(await completeAssignment(agent, TEST_ASSIGNMENT_ID)).toMatchObject({ state: 'submitted' })
})

test('a lease that another machine was given is asked for', async () => {
  await using server = await startTestPlatform({
    'tasks.getAssignment': () => ({ assignment: makeAssignment({ leaseEpoch: 3 }), contacts: [contactOf(buyer)] }),
    'tasks.renewLease': ({ input }) => makeAssignment({ leaseEpoch: (input as { leaseEpoch: number }).leaseEpoch }),
  })
  using opened = openTestAgent(server)
  expect(await renewLease(opened.agent, TEST_ASSIGNMENT_ID)).toMatchObject({ leaseEpoch: 3 })
  expect(findContact(opened.agent.vault, 'buyer', Date.now())?.name).toBe('Buyer')
})

test('a renewal whose reply was lost is not answered from the past: the next one has a key of its own', async () => {
  await using server = await startTestPlatform({
    'tasks.acceptAssignment': () => makeAssignment(),
    'tasks.renewLease': (_, times) => {
      if (times === 1) throw new TestRefusal('fault')
      return makeAssignment()
    },
  })
  using opened = openTestAgent(server)
  await acceptAssignment(opened.agent, TEST_ASSIGNMENT_ID)
  await expect(renewLease(opened.agent, TEST_ASSIGNMENT_ID)).rejects.toMatchObject({ code: 'fault' })
  await renewLease(opened.agent, TEST_ASSIGNMENT_ID)

  const keys = server.asked.filter(({ name }) => name === 'tasks.renewLease').map(({ key }) => key)
  expect(new Set(keys).size).toBe(2)
})

test('a party whose key changed is noticed when its assignment is read', async () => {
  const impostor = makeKeyring('buyer', { name: 'Buyer' }, Date.now())
  await using server = await startTestPlatform({
    'tasks.getAssignment': (_, times) => ({
      assignment: makeAssignment(),
      contacts: [contactOf(times === 1 ? buyer : impostor)],
    }),
  })
  using opened = openTestAgent(server)
  await readAssignment(opened.agent, TEST_ASSIGNMENT_ID)
  await expect(readAssignment(opened.agent, TEST_ASSIGNMENT_ID)).rejects.toMatchObject({ code: 'key_changed', exit: 8 })
})
