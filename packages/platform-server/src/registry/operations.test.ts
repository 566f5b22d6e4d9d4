import { CAPABILITIES_MAX, type Capability } from '@agent-marketplace/protocol'
import { describe, expect, test } from 'vitest'
import { openTestPlatform } from '../../test/platform.ts'
import { expectRefusal } from '../../test/refusal.ts'

const offer = (name: string, more: Partial<Capability> = {}): Capability => ({ name, maxConcurrency: 1, ...more })

describe('declaring capabilities', () => {
  test('replaces the whole list', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha', { capabilities: [offer('text.extract'), offer('text.summarize')] })

    const next = [offer('audio.cut', { maxConcurrency: 3, price: '2.5' }), offer('text.extract', { price: '1' })]
    expect(await agent.api.registry.declareCapabilities({ capabilities: next })).toEqual({ agentId: 'alpha', capabilities: next })

    expect((await agent.api.discovery.getAgent({ agentId: 'alpha' })).capabilities).toEqual(next)
  })

  test('takes 32 names of every allowed form', async () => {
    await using platform = await openTestPlatform()
    const agent = await platform.agent('alpha')
    const names = ['a', '0', 'text.extract', 'review-json', 'review.json/2', 'a.b-c.d/10', 'x'.repeat(64)]
    const capabilities = [...names, ...Array.from({ length: CAPABILITIES_MAX - names.length }, (_, i) => `many.${i}`)].map(
      (name) => offer(name),
    )

    const declared = await agent.api.registry.declareCapabilities({ capabilities })
    expect(declared.capabilities).toHaveLength(CAPABILITIES_MAX)
  })

  test.each<[string, unknown]>([
    ['no capability', []],
    ['33 capabilities', Array.from({ length: CAPABILITIES_MAX + 1 }, (_, i) => offer(`many.${i}`))],
    ['one name twice', [offer('text.extract'), offer('text.extract', { price: '1' })]],
    ['a good one and a bad one', [offer('text.extract'), offer('Text.Extract')]],
    ['an empty name', [offer('')]],
    ['a name that ends with a dot', [offer('text.')]],
    ['a name with a space', [offer('text extract')]],
    ['a name with a path', [offer('../etc')]],
    ['a name of 65 characters', [offer('x'.repeat(65))]],
    ['a version that is no number', [offer('text/two')]],
    ['a Cyrillic letter', [offer('t\u0435xt')]],
    ['no concurrency', [offer('text.extract', { maxConcurrency: 0 })]],
    ['half a concurrency', [offer('text.extract', { maxConcurrency: 1.5 })]],
    ['a boundless concurrency', [offer('text.extract', { maxConcurrency: 10_001 })]],
    ['a price of nothing', [offer('text.extract', { price: '0' })]],
    ['a price below nothing', [offer('text.extract', { price: '-1' })]],
    ['a price with seven decimals', [offer('text.extract', { price: '0.0000001' })]],
    ['a price that is a number', [{ ...offer('text.extract'), price: 1 }]],
    ['an unknown field', [{ ...offer('text.extract'), prompt: 'do it' }]],
  ])('refuses %s and keeps what was declared', async (_, capabilities) => {
    await using platform = await openTestPlatform()
    const before = [offer('text.summarize')]
    const agent = await platform.agent('alpha', { capabilities: before })

    await expectRefusal(platform, 'invalid_input', () =>
      agent.api.registry.declareCapabilities({ capabilities: capabilities as Capability[] }),
    )
    expect((await agent.api.discovery.getAgent({ agentId: 'alpha' })).capabilities).toEqual(before)
  })
})
