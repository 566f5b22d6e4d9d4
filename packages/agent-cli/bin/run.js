#!/usr/bin/env node
import { mkdirSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

const argv = process.argv.slice(2)

if (argv[0] === '--version') {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  process.stdout.write(`agent-marketplace ${version}\n`)
} else {
  // Whatever a command writes is for its user alone.
  process.umask(0o077)
  cacheCompiledCode()
  const { main } = await import('../dist/main.js')
  await main(argv)
}

/** Compiled code in a directory of the user's own: in the shared default under /tmp, others could put code of theirs. */
function cacheCompiledCode() {
  try {
    const directory = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'agent-marketplace')
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    module.enableCompileCache(directory)
  } catch {
    // No home directory, or a read-only one: every start compiles again.
  }
}
