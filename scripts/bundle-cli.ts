// The command line as a few files: every command and what it loads later is a chunk, nothing is looked up in node_modules, and oclif finds commands
// in a manifest. Started as hundreds of modules it takes four times as long.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Plugin } from '@oclif/core/config'
import { rolldown } from 'rolldown'
import { licensesOf } from './bundle-licenses.ts'
import { leanMcp, leanOclif, withoutFacades } from './bundle-plugins.ts'

const root = join(import.meta.dirname, '..')
const cli = join(root, 'packages', 'agent-cli')
const MANIFEST = 'oclif.manifest.json'
const stampFile = join(root, '.cache', 'agent-cli.stamp')
/** Built here, then put in place all at once. Inside the package, so that it resolves what the package resolves. */
const staging = join(cli, '.cache')

/** Bundle the command line to `packages/agent-cli/dist`, unless what it is made of has not changed. */
export async function bundleCli(): Promise<void> {
  const stamp = stampOf([
    'packages/{agent-cli,protocol}/{package.json,src/**/*.ts}',
    'scripts/bundle-*.ts',
    'skills/**/*.md',
    'pnpm-lock.yaml',
  ])
  const isBuilt = existsSync(join(cli, 'dist')) && existsSync(join(cli, MANIFEST)) && existsSync(stampFile)
  if (isBuilt && readFileSync(stampFile, 'utf8') === stamp) return

  rmSync(staging, { recursive: true, force: true })
  mkdirSync(staging, { recursive: true })
  cpSync(join(cli, 'package.json'), join(staging, 'package.json'))
  await bundle(join(staging, 'dist'))
  cpSync(join(root, 'skills'), join(staging, 'dist', 'skills'), { recursive: true })
  await writeManifest()

  rmSync(join(cli, 'dist'), { recursive: true, force: true })
  for (const name of ['dist', MANIFEST]) renameSync(join(staging, name), join(cli, name))
  rmSync(staging, { recursive: true })
  mkdirSync(join(root, '.cache'), { recursive: true })
  writeFileSync(stampFile, stamp)
}

/** `dependencies` stay outside; all else that is imported goes in, so users install none of it. */
async function bundle(dir: string): Promise<void> {
  const { dependencies = {} } = JSON.parse(readFileSync(join(cli, 'package.json'), 'utf8'))
  const commands = globSync('src/commands/**/*.ts', { cwd: cli, exclude: ['**/*.test.ts'] })
  // A worker is the entry of its own thread, too.
  const entries = ['src/main.ts', 'src/agent/blind-worker.ts', 'src/review/json-worker.ts', ...commands]
  const build = await rolldown({
    cwd: cli,
    input: Object.fromEntries(entries.map((path) => [path.slice('src/'.length, -'.ts'.length), path])),
    platform: 'node',
    external: Object.keys(dependencies).map((name) => new RegExp(`^${name}(?:/|$)`)),
    resolve: { conditionNames: ['source', 'node', 'default'] },
    plugins: [leanOclif, leanMcp, withoutFacades],
    checks: { ineffectiveDynamicImport: false },
    onLog(_level, { message }) {
      throw new Error(message)
    },
  })
  // What every command loads is one chunk.
  const groups = [{ name: 'start', minShareCount: commands.length }]
  const { output } = await build.write({ dir, chunkFileNames: 'chunks/[name]-[hash].js', codeSplitting: { groups } })
  await build.close()
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  writeFileSync(join(dir, 'licenses.txt'), licensesOf(modules))
}

/** All that oclif needs to know of a command to find it, to check its command line and to print its help. */
async function writeManifest(): Promise<void> {
  const plugin = new Plugin({ root: staging, ignoreManifest: true, errorOnManifestCreate: true, respectNoCacheDefault: true })
  await plugin.load()
  const commands = Object.fromEntries(Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(join(staging, MANIFEST), JSON.stringify({ ...plugin.manifest, commands }))
}

/** A digest of these files. @param patterns - Below the root. */
function stampOf(patterns: string[]): string {
  const hash = createHash('sha256')
  for (const path of globSync(patterns, { cwd: root }).sort()) {
    const bytes = readFileSync(join(root, path))
    hash.update(`${path}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex')
}
