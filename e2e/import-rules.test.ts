import { execFile } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copySources } from '../scripts/source-copy.ts'
import { plantedImports } from './planted/imports.ts'

interface Violation {
  from: string
  to: string
  rule: { name: string }
}

interface Cruise {
  violations: Violation[]
  ruleSetUsed: { forbidden: { name: string }[] }
}

const root = join(import.meta.dirname, '..')
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs')
const copy = copySources()

function plant(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    appendFileSync(join(copy, path), text)
  }
}

function cruise(directory: string): Promise<Cruise> {
  const args = [cruiser, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'packages']
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: directory, maxBuffer: 1 << 28 }, (_error, stdout, stderr) => {
      // The exit code counts violations, so only missing output is a failure.
      if (stdout === '') return reject(new Error(stderr))
      resolve(JSON.parse(stdout).summary)
    })
  })
}

let clean: Cruise
let planted: Cruise

beforeAll(async () => {
  for (const { files } of plantedImports) plant(files)
  ;[clean, planted] = await Promise.all([cruise(root), cruise(copy)])
})

afterAll(() => rmSync(copy, { recursive: true }))

describe('the import rules', () => {
  test('hold in the tree as it is', () => {
    expect(clean.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([])
  })

  test('have a planted violation each', () => {
    const rules = new Set(planted.ruleSetUsed.forbidden.map(({ name }) => name))
    expect(new Set(plantedImports.map(({ rule }) => rule))).toEqual(rules)
  })

  test.each(plantedImports)('$rule: $fault', ({ rule, files }) => {
    const reported = planted.violations.filter(({ from }) => from in files).map((violation) => violation.rule.name)
    expect(new Set(reported)).toEqual(new Set([rule]))
  })
})
