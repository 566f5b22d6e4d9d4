#!/usr/bin/env node
const argv = process.argv.slice(2)
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(`agent-marketplace needs Node 24.15 or newer; this is ${process.versions.node}\n`)
  process.exitCode = 1
} else if (argv[0] === '--version') {
  const { version } = JSON.parse(builtin('node:fs').readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  process.stdout.write(`agent-marketplace ${version}\n`)
} else {
  // Whatever a command writes is for its user alone.
  process.umask(0o077)
  cacheCompiledCode()
  const { main } = await import('../dist/main.js')
  await main(argv)
}

/** Not by `import`: that reads every export of the module, which takes 4 ms for node:fs (measured). */
function builtin(name) {
  return process.getBuiltinModule(name)
}

/** Compiled code in a directory of the user's own: in the shared default under /tmp, others could put code of theirs. */
function cacheCompiledCode() {
  try {
    const { join } = builtin('node:path')
    const caches = process.env.XDG_CACHE_HOME || join(builtin('node:os').homedir(), '.cache')
    const directory = join(caches, 'agent-marketplace')
    // Not `recursive`: that never returns below /proc.
    makeDirectory(caches)
    makeDirectory(directory)
    builtin('node:module').enableCompileCache(directory)
  } catch {
    // No home directory, or a read-only one: every start compiles again.
  }
}

function makeDirectory(path) {
  try {
    builtin('node:fs').mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
}
