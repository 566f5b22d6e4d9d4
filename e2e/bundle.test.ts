import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const cli = join(import.meta.dirname, '..', 'packages', 'agent-cli')
/** A local command loads ten or so; as modules of their own they were hundreds. */
const FILES_MAX = 16
/** What only some commands need, and takes longer to load than all the rest. */
const HEAVY = /node_modules\/(?:zod|undici|ajv|@trpc|conf)\//

/** Tells on stderr, as one JSON array, which files a process has loaded. */
const LISTEN = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  const urls = []
  registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) })
  process.on('exit', () => process.stderr.write(JSON.stringify(urls)))`)}`

let home: string

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'bundle-'))
})

afterAll(() => rmSync(home, { recursive: true }))

/** @returns the files that a command loads. */
function filesOf(...args: string[]): string[] {
  const script = `"$0" --import "$1" "$2" ${args.join(' ')} 2>&1 >/dev/null`
  const env = { PATH: process.env.PATH, HOME: home }
  const output = execFileSync('sh', ['-c', script, process.execPath, LISTEN, join(cli, 'bin', 'run.js')], {
    env,
    encoding: 'utf8',
  })
  return (JSON.parse(output) as string[]).filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url))
}

describe('the bundled command line', () => {
  test.each([['--version'], ['--help'], ['task', '--help'], ['daemon', 'status']].map((args) => [args]))(
    'starts from few files of its own, without what only other commands need: %j',
    (args) => {
      const files = filesOf(...args)
      expect(files.length).toBeLessThanOrEqual(FILES_MAX)
      expect(files.filter((file) => !file.startsWith(join(cli, 'bin')) && !file.startsWith(join(cli, 'dist')))).toEqual([])
      expect(files.filter((file) => HEAVY.test(readFileSync(file, 'utf8')))).toEqual([])
    },
  )

  test('knows every command of the sources, and no name twice', () => {
    const manifest = JSON.parse(readFileSync(join(cli, 'oclif.manifest.json'), 'utf8')) as {
      commands: Record<string, { aliases: string[]; hiddenAliases: string[] }>
    }
    const sources = globSync('**/*.ts', { cwd: join(cli, 'src', 'commands') }).map((file) =>
      file.replace(/(?:\/index)?\.ts$/, '').replaceAll('/', ':'),
    )
    expect(Object.keys(manifest.commands).sort()).toEqual(sources.sort())

    const names = Object.entries(manifest.commands).flatMap(([id, { aliases, hiddenAliases }]) => [
      id,
      ...aliases,
      ...hiddenAliases,
    ])
    expect(names.toSorted()).toEqual([...new Set(names)].sort())
  })

  test('runs the JSON checks of a review in a thread of their own', () => {
    const path = join(home, 'result.json')
    writeFileSync(path, '{"emails":[1]}')
    const work = { schema: { properties: { emails: { items: { type: 'string' } } } }, files: [{ name: 'result.json', path }] }
    const script = join(home, 'check.mjs')
    writeFileSync(
      script,
      `import { checkJson } from ${JSON.stringify(join(cli, 'dist', 'review', 'json-worker.js'))}
      console.log(JSON.stringify(await checkJson(${JSON.stringify(work)})))`,
    )
    const output = execFileSync(process.execPath, [script], { encoding: 'utf8' })
    expect(JSON.parse(output)).toMatchObject({ checks: [{ kind: 'schema', passed: false }] })
  })
})
