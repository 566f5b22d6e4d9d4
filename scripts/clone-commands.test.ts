import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test.each([
  { command: 'platform-server', exitCode: 78 },
  { command: 'agent-marketplace', exitCode: 7 },
])('$command in a clone that is not set up says in one line how it is set up', ({ command, exitCode }) => {
  const clone = mkdtempSync(join(tmpdir(), 'clone-'))
  try {
    cpSync(join(import.meta.dirname, '../bin'), join(clone, 'bin'), { recursive: true })
    const { status, stdout, stderr } = spawnSync(join(clone, 'bin', command), ['--help'], { encoding: 'utf8' })
    expect({ status, stdout, lines: stderr.split('\n') }).toEqual({
      status: exitCode,
      stdout: '',
      lines: [expect.stringMatching(/^this clone is not set up: run 'npm run setup' in \S+$/), ''],
    })
  } finally {
    rmSync(clone, { recursive: true })
  }
})
