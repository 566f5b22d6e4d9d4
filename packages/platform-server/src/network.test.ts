import { describe, expect, test } from 'vitest'
import { Network } from './network.ts'

describe('a network', () => {
  test.each(['10.0.0.0/8', '10.1.2.3/8', '127.0.0.1', '2001:db8::/32', '::1', '::ffff:10.0.0.0/104'])('%s is one', (text) => {
    expect(Network.safeParse(text).success).toBe(true)
  })

  test.each([
    ...['', 'proxy', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0/8', '0.0.0.0/0', '::/0', '0.0.0.0/00'],
    ...['::/129', 'fe80::1%eth0', '10.0.0.0/-1', ' 10.0.0.1', '10.0.0.1\n'],
  ])('%j is none', (text) => {
    expect(Network.safeParse(text).success).toBe(false)
  })
})
