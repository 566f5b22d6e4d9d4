// The import rules of design/architecture.md as code. Every rule here is seen to fail on a planted violation in e2e/import-rules.test.ts.
// Tests, and e2e/, bench/ and scripts/, may import what they need; they are bound only by the rules that hold for every file.

/** Which slice may call which, through `operations.ts` and with the caller's `tx`. One way, so a verdict and its money commit together. */
const mayCall = {
  idempotency: [],
  events: [],
  discovery: [],
  identity: ['events'],
  registry: ['identity'],
  heartbeat: ['registry', 'events'],
  settlement: ['identity', 'events'],
  tasks: ['identity', 'registry', 'heartbeat', 'settlement', 'events'],
  review: ['identity', 'tasks', 'settlement', 'events'],
  deregistration: ['identity', 'registry', 'heartbeat', 'tasks'],
  operators: ['identity', 'settlement'],
  'relay-tokens': ['identity'],
}
/** Slices that every other slice may call. */
const forAll = ['idempotency']

const protocol = '^packages/protocol/src/'
const server = '^packages/platform-server/src/'
const cli = '^packages/agent-cli/src/'
/** Tests, and what only tests use: `test-….ts` beside them. */
const test = '(?:[.]test|/test-(?!suite)[a-z-]+)[.]ts$'
const slices = Object.keys(mayCall)
const oneOf = (names) => `(?:${names.join('|')})`
const npm = (...names) => `node_modules/${oneOf(names)}/`
const core = (...names) => `^(?:node:)?${oneOf(names)}$`
/** A file of this layer: its fixed name, or that name behind a noun (`hold-rules.ts`) where one file grew too long. */
const layer = (name) => `/(?:[a-z0-9-]*-|)${name}[.]ts$`
const http = [core('http', 'https', 'http2', 'net', 'tls'), npm('undici')]

const everywhere = [
  {
    name: 'no-cycles',
    comment: 'Two files that import each other are one file in two places: move what both need into a third.',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-unresolvable',
    comment: 'An import that cannot be found is an import that no other rule sees.',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'sources-know-no-tests',
    comment: 'What ships must not depend on what does not.',
    from: { path: '^packages/', pathNot: test },
    to: { path: [test, '^(?:e2e|bench|scripts|examples)/'] },
  },
  {
    name: 'no-dev-dependency-at-run-time',
    comment:
      'A published package brings only its `dependencies`; types may come from `devDependencies`. What agent-cli imports is bundled into it.',
    from: { path: '^packages/', pathNot: [test, cli] },
    to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
  },
]

const ofTheProtocol = [
  {
    name: 'protocol-stands-alone',
    comment: 'Both sides share this package: it imports only zod, tweetnacl and node:crypto.',
    from: { path: protocol, pathNot: test },
    to: { pathNot: [protocol, npm('zod', 'tweetnacl'), core('crypto')] },
  },
  {
    name: 'tweetnacl-signs-and-seals',
    comment: 'tweetnacl is used in signing/ and sealing/ of the protocol package and nowhere else.',
    from: { path: '^packages/', pathNot: [test, `${protocol}(?:signing|sealing)/`] },
    to: { path: npm('tweetnacl') },
  },
]

const ofTheServer = [
  {
    name: 'server-cannot-seal',
    comment: 'The privacy line: the server has no way to the sealing code, not even through a re-export.',
    from: { path: server, pathNot: test },
    to: { path: '^packages/protocol/(?:src|dist)/sealing/', reachable: true },
  },
  {
    name: 'server-knows-no-client',
    comment: 'The server is used by clients and does not know them.',
    from: { path: server, pathNot: test },
    to: { path: '^packages/agent-cli/' },
  },
  {
    name: 'rules-are-pure',
    comment:
      'rules.ts decides over plain data: it imports the protocol, errors.ts and other rules, so it has no clock and no database.',
    from: { path: `${server}.+${layer('rules')}` },
    to: { pathNot: [protocol, `${server}errors[.]ts$`, layer('rules'), core('assert', 'assert/strict')] },
  },
  {
    name: 'http-at-the-edge',
    comment: 'Only api/, router.ts and main.ts touch tRPC or HTTP (and relay/, which has a listener of its own).',
    from: { path: server, pathNot: [test, `${server}(?:api|relay)/`, layer('router'), `${server}main[.]ts$`] },
    to: { path: [...http, npm('@trpc'), `${server}api/`] },
  },
  {
    name: 'database-drivers-in-storage',
    comment: 'SQL runs over the port of storage/; only storage/ knows which engine is behind it.',
    from: { path: server, pathNot: [test, `${server}storage/`] },
    to: { path: [npm('pg', 'pg-[a-z-]+'), core('sqlite')] },
  },
  {
    name: 'relay-stands-alone',
    comment: 'The anonymous plane shares no slice, log, api or config with the control plane, so nothing can join the two.',
    from: { path: `${server}relay/`, pathNot: test },
    to: { path: [server, npm('@trpc', 'pino')], pathNot: `${server}(?:relay/|storage/|errors[.]ts$)` },
  },
  {
    name: 'relay-is-unknown',
    comment: 'Only the files that start and configure the server know that there is a relay in it.',
    from: { path: `${server}[^/]+/`, pathNot: [test, `${server}relay/`] },
    to: { path: `${server}relay/` },
  },
]

const ofTheSlices = [
  {
    name: 'slices-are-in-the-table',
    comment: 'A new folder of the server is a slice: give it a line in `mayCall`.',
    from: { path: `${server}[^/]+/`, pathNot: [test, `${server}${oneOf([...slices, 'api', 'storage', 'relay', 'commands'])}/`] },
    to: {},
  },
  {
    name: 'slices-are-entered-by-the-door',
    comment: 'From outside a slice only its operations.ts and (for api/) its router.ts are imported.',
    from: { path: server, pathNot: [test, `${server}${oneOf([...slices, 'relay'])}/`] },
    to: { path: `${server}${oneOf(slices)}/`, pathNot: [layer('store'), '/(?:operations|router)[.]ts$'] },
  },
  ...slices.flatMap((slice) => {
    const own = `${server}${slice}/`
    const called = [...new Set([...mayCall[slice], ...forAll])].filter((other) => other !== slice)
    const others = slices.filter((other) => other !== slice)
    const doors = called.map((other) => `${server}${other}/operations[.]ts$`)
    return [
      {
        name: 'slices-call-along-the-table',
        comment: `${slice} may call: ${called.join(', ') || 'nobody'}; through operations.ts, one way.`,
        from: { path: own, pathNot: [test, layer('rules')] },
        to: { path: `${server}${oneOf(others)}/`, pathNot: [...doors, layer('store')] },
      },
      {
        name: 'rules-follow-the-table',
        comment: `The rules of ${slice} may use rules of slices it may call: ${called.join(', ') || 'none'}.`,
        from: { path: `${own}.*${layer('rules').slice(1)}` },
        to: { path: others.filter((other) => !called.includes(other)).map((other) => `${server}${other}/.*rules[.]ts$`) },
      },
      {
        name: 'stores-stay-in-their-slice',
        comment: `The tables of ${slice} have one owner: its store.ts is imported only inside ${slice}/.`,
        from: { path: '^packages/', pathNot: [test, own] },
        to: { path: `${own}.*store[.]ts$` },
      },
    ]
  }),
]

const ofTheCommandLine = [
  {
    name: 'commands-are-shells',
    comment: 'commands/ and mcp/ parse, make one call into agent/ and print: no platform, private, relay, crypto or HTTP import.',
    from: { path: `${cli}(?:commands|mcp)/`, pathNot: test },
    to: {
      path: [
        `${cli}(?:platform|private|relay)/`,
        `${protocol}(?:signing|sealing)/`,
        core('crypto'),
        npm('tweetnacl', '@trpc'),
        ...http,
      ],
    },
  },
  {
    name: 'mcp-in-mcp',
    comment: 'Models are served by mcp/ alone, which only its command loads: no other command pays for the SDK.',
    from: { path: '^packages/', pathNot: [test, `${cli}mcp/`] },
    to: { path: npm('@modelcontextprotocol') },
  },
  {
    name: 'agent-knows-no-oclif',
    comment: 'agent/ is a library with two shells over it: it cannot reach oclif, nor through a shell.',
    from: { path: `${cli}agent/`, pathNot: test },
    to: { path: npm('@oclif'), reachable: true },
  },
  {
    name: 'local-state-in-private',
    comment: 'Everything secret or private on this machine is kept by private/: SQLite is used nowhere else.',
    from: { path: cli, pathNot: [test, `${cli}private/`] },
    to: { path: core('sqlite') },
  },
  {
    name: 'conf-in-settings',
    comment: 'conf holds settings, never a secret: only settings/ uses it.',
    from: { path: cli, pathNot: [test, `${cli}settings/`] },
    to: { path: npm('conf') },
  },
  {
    name: 'server-unknown-to-clients',
    comment: 'Both sides share the protocol and nothing else: no code of the server, not even a type, is in a client.',
    from: { path: cli, pathNot: test },
    to: { path: '^packages/platform-server/' },
  },
]

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [...everywhere, ...ofTheProtocol, ...ofTheServer, ...ofTheSlices, ...ofTheCommandLine].map((rule) => ({
    severity: 'error',
    ...rule,
  })),
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^packages/[^/]+/dist/' },
    // Sees `import type` too; reads TypeScript with the older compiler that pnpm-workspace.yaml gives to dependency-cruiser alone.
    tsPreCompilationDeps: true,
    // Workspace packages resolve to their sources, as they do for types and tests.
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['source', 'import', 'node', 'default'] },
  },
}
