import { defineConfig } from 'vitest/config'

/** Whatever proxy this machine goes through to others, nothing here goes through it to itself. */
const own = [process.env.NO_PROXY ?? process.env.no_proxy, '127.0.0.1', 'localhost', '::1'].filter(Boolean).join(',')

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node'] } },
  test: {
    env: { NO_PROXY: own, no_proxy: own },
    include: [
      'packages/*/src/**/*.test.ts',
      'e2e/**/*.test.ts',
      'scripts/**/*.test.ts',
      'examples/**/*.test.ts',
      'bench/**/*.test.ts',
      // What has no short form.
      ...(process.env.LONG === '1' ? ['e2e/**/*.long.ts'] : []),
    ],
    globalSetup: ['packages/platform-server/test/postgres-setup.ts'],
    // Patience for a loaded machine: what a test says about time it says itself.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: 2,
    // Has TypeScript under the `source` condition, which Node does not read in node_modules.
    server: { deps: { inline: ['eventsource', /@modelcontextprotocol\/client/] } },
  },
})
