import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { collectOutput, type JobDirectory, measureDirectory, prepareJobDirectory } from './job-directory.ts'

const parent = mkdtempSync(join(tmpdir(), 'job-directory-test-'))
afterAll(() => rmSync(parent, { recursive: true }))

const limits = { bytesMax: 1_000, filesMax: 3 }
let job: JobDirectory
beforeEach(async () => {
  job = await prepareJobDirectory(parent, 'asg_1')
})

describe('prepareJobDirectory', () => {
  test.each([0o000, 0o777])('makes private directories under umask %o', async (mask) => {
    // Workers of vitest may not set the umask of their process, so another one does.
    const script = `process.umask(${mask}); const { prepareJobDirectory } = await import('${join(import.meta.dirname, 'job-directory.ts')}'); console.log(JSON.stringify(await prepareJobDirectory(${JSON.stringify(parent)}, 'j')))`
    const made = JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
    ) as JobDirectory
    for (const path of [made.directory, made.input, made.output]) expect((await stat(path)).mode & 0o777).toBe(0o700)
  })

  test('gives a fresh directory every time and refuses an unsafe name', async () => {
    expect((await prepareJobDirectory(parent, 'asg_1')).directory).not.toBe(job.directory)
    await expect(prepareJobDirectory(parent, '../x')).rejects.toThrow('path separator')
  })
})

describe('collectOutput', () => {
  test('lists plain files sorted by name, and no file of the rest of the directory', async () => {
    await writeFile(join(job.output, 'b.txt'), 'bb')
    await writeFile(join(job.output, 'a.txt'), 'a')
    await writeFile(join(job.input, 'secret'), 'x')
    expect(await collectOutput(job.directory, limits)).toEqual([
      { name: 'a.txt', path: join(job.output, 'a.txt'), bytes: 1 },
      { name: 'b.txt', path: join(job.output, 'b.txt'), bytes: 2 },
    ])
  })

  const hostile: [what: string, plant: (output: string) => unknown, message: RegExp][] = [
    ['a link to a file', (output) => symlinkSync('/etc/passwd', join(output, 'l')), /not a plain file/],
    ['a dangling link', (output) => symlinkSync('/nowhere', join(output, 'l')), /not a plain file/],
    ['a pipe', (output) => execFileSync('mkfifo', [join(output, 'p')]), /not a plain file/],
    ['a directory', (output) => mkdir(join(output, 'd')), /not a plain file/],
    ['a name with control characters', (output) => writeFileSync(join(output, 'a\u001b[2J'), ''), /control characters/],
    ['a name that starts with two dots', (output) => writeFileSync(join(output, '..a'), ''), /points to a directory/],
    [
      'too many files',
      (output) => ['1', '2', '3', '4'].map((name) => writeFileSync(join(output, name), '')),
      /more than 3 files/,
    ],
    [
      'too many bytes, though sparse',
      (output) => {
        writeFileSync(join(output, 's'), '')
        truncateSync(join(output, 's'), 1_001)
      },
      /more than 1000 bytes/,
    ],
  ]
  test.each(hostile)('refuses %s', async (_what, plant, message) => {
    await writeFile(join(job.output, '0'), 'good')
    await plant(job.output)
    await expect(collectOutput(job.directory, limits)).rejects.toThrow(message)
  })

  test('refuses an output directory that was replaced by a link', async () => {
    await rename(job.output, join(job.directory, 'moved'))
    await symlink('/etc', job.output)
    await expect(collectOutput(job.directory, limits)).rejects.toThrow('no longer a directory')
  })
})

describe('measureDirectory', () => {
  test('adds up nested files and follows no links', async () => {
    await mkdir(join(job.output, 'd'))
    await writeFile(join(job.output, 'd', 'f'), 'x'.repeat(100))
    expect(await measureDirectory(job.output, 1_000)).toBe(100)
    await symlink('/usr', join(job.output, 'usr'))
    expect(await measureDirectory(job.output, 10_000)).toBeLessThan(1_000)
  })

  test('takes a missing directory for empty', async () => {
    await rm(job.output, { recursive: true })
    expect(await measureDirectory(job.output, 1)).toBe(0)
  })
})
