// What makes a bundle start fast, besides being one: less of Node and of oclif is loaded. Times are measured beside a start that takes 30 ms in all.
import { isBuiltin } from 'node:module'
import type { Plugin } from 'rolldown'

/** Take 5 ms each to load; most commands call neither. */
const LOADED_WHEN_USED = ['node:child_process', 'node:crypto']

/**
 * Builtin modules without `import`, which reads every export of a module: those of node:fs take 4 ms, of node:util 6, of node:process 7,
 * of node:http 54. `node:module` stays, because the bundler's own code imports it.
 */
export const withoutFacades: Plugin = {
  name: 'without-facades',
  resolveId(source) {
    const name = source.replace(/^node:/, '')
    if (!isBuiltin(source) || name === 'module') return null
    return { id: `\0node:${name}`, moduleSideEffects: false }
  },
  load: {
    filter: { id: /^\0node:/ },
    handler: (id) => ({ code: builtinCode(id.slice(1)), moduleType: 'js' }),
  },
}

function builtinCode(name: string): string {
  const load = `process.getBuiltinModule(${JSON.stringify(name)})`
  if (!LOADED_WHEN_USED.includes(name)) return `module.exports = ${load}`
  const exported = JSON.stringify(Object.keys(process.getBuiltinModule(name) ?? {}))
  return `for (const name of ${exported}) Object.defineProperty(exports, name, { enumerable: true, get: () => ${load}[name] })`
}

/** Packages that oclif needs to find commands without a manifest, settings outside of package.json, plugins and TypeScript sources: 10 ms. */
const NOT_NEEDED = ['lilconfig', 'minimatch', 'tinyglobby', 'typescript']

/** What every start of oclif does for nothing. */
const EDITS = [
  // Sorts what the manifest has in order, with the collator of ICU: 5 ms.
  { file: 'lib/config/plugin.js', text: '.sort((a, b) => a.id.localeCompare(b.id))' },
  // Tells WSL from Linux for the user agent of `--version`: 5 ms.
  { file: 'lib/util/os.js', text: "(await import('wsl-utils')).isWsl ? 'wsl' : " },
]

/** oclif as a program needs it that has a manifest and no plugins. */
export const leanOclif: Plugin = {
  name: 'lean-oclif',
  resolveId: {
    filter: { id: new RegExp(`^(?:${NOT_NEEDED.join('|')})$`) },
    handler: (source) => `\0empty:${source}`,
  },
  load: {
    filter: { id: /^\0empty:/ },
    handler: () => ({ code: 'module.exports = {}', moduleType: 'js' }),
  },
  transform: {
    filter: { id: /@oclif\/core\/lib\// },
    handler(code, id) {
      const edit = EDITS.find(({ file }) => id.endsWith(`@oclif/core/${file}`))
      if (!edit) return null
      if (!code.includes(edit.text)) throw new Error(`${edit.file} of @oclif/core no longer has ${edit.text}`)
      return code.replace(edit.text, '')
    },
  },
}

/** The MCP SDK without a JSON Schema validator of its own, 290 kB: it checks what clients answer to questions, and ours are asked none. */
export const leanMcp: Plugin = {
  name: 'lean-mcp',
  load: {
    filter: { id: /@modelcontextprotocol\/server\/dist\/ajvProvider-[^/]+\.mjs$/ },
    handler: () => ({
      code: 'class None { getValidator() { throw new Error("no validator") } }\nexport { None as n, None as t }',
    }),
  },
}
