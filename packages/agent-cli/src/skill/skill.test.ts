import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { placesOf, SKILL } from './places.ts'
import { installSkill, type Shipped, statusOf, uninstallSkill } from './skill.ts'

const REAL = join(import.meta.dirname, '../../../../skills', SKILL)
const really = { isForced: false, isDryRun: false }
const forced = { isForced: true, isDryRun: false }

let home: ReturnType<typeof makeTestHome>
let shipped: Shipped
let places: ReturnType<typeof placesOf>
beforeEach(() => {
  home = makeTestHome()
  const source = join(home.path, 'shipped')
  cpSync(REAL, source, { recursive: true })
  shipped = { source, version: '1.0.0' }
  places = placesOf({ scope: 'project', project: join(home.path, 'project') })
})
afterEach(() => home[Symbol.dispose]())

const inPlace = (at: number, ...names: string[]) => join(places[at]!.path, ...names)
const states = () => places.map((place) => statusOf(shipped, place).state)
const tree = () => readdirSync(home.path, { recursive: true }).toSorted()

describe('the skill', () => {
  test('goes where agent programs look for it, as it is shipped, and is gone again without a trace', () => {
    expect(states()).toEqual(['absent', 'absent'])
    const installed = installSkill(shipped, places, really)
    expect(installed).toEqual([
      join(home.path, 'project/.agents/skills/agent-marketplace'),
      join(home.path, 'project/.claude/skills/agent-marketplace'),
    ])
    for (const path of installed)
      for (const name of ['SKILL.md', 'references/buyer.md', 'references/executor.md'])
        expect(readFileSync(join(path, name))).toEqual(readFileSync(join(REAL, name)))
    expect(states()).toEqual(['installed', 'installed'])
    expect(installSkill(shipped, places, really)).toEqual(installed)

    expect(uninstallSkill(shipped, places, really)).toEqual(installed)
    for (const path of installed) expect(existsSync(path)).toBe(false)
    expect(uninstallSkill(shipped, places, really)).toEqual([])
  })

  test('changes nothing in a dry run', () => {
    const before = tree()
    expect(installSkill(shipped, places, { isForced: false, isDryRun: true })).toHaveLength(2)
    expect(tree()).toEqual(before)
    installSkill(shipped, places, really)
    const installed = tree()
    expect(uninstallSkill(shipped, places, { isForced: false, isDryRun: true })).toHaveLength(2)
    expect(tree()).toEqual(installed)
  })

  test('of a new version takes the place of the old one, and what the new one no longer has goes', () => {
    installSkill(shipped, places, really)
    rmSync(join(shipped.source, 'references', 'protocol.md'))
    writeFileSync(join(shipped.source, 'SKILL.md'), 'new')
    shipped = { ...shipped, version: '1.1.0' }
    expect(states()).toEqual(['outdated', 'outdated'])
    installSkill(shipped, places, really)
    expect(readFileSync(inPlace(0, 'SKILL.md'), 'utf8')).toBe('new')
    expect(existsSync(inPlace(0, 'references', 'protocol.md'))).toBe(false)
    expect(states()).toEqual(['installed', 'installed'])
  })

  test('is never overwritten or removed where somebody edited it, anywhere, until that is said', () => {
    installSkill(shipped, places, really)
    writeFileSync(inPlace(1, 'SKILL.md'), 'mine')
    expect(states()).toEqual(['installed', 'edited'])
    writeFileSync(join(shipped.source, 'SKILL.md'), 'new')
    const refusal = expect.objectContaining({
      code: 'wrong_state',
      exit: 5,
      message: expect.stringContaining(inPlace(1, 'SKILL.md')),
    })
    expect(() => installSkill(shipped, places, really)).toThrow(refusal)
    expect(() => uninstallSkill(shipped, places, really)).toThrow(refusal)
    expect(readFileSync(inPlace(1, 'SKILL.md'), 'utf8')).toBe('mine')
    expect(readFileSync(inPlace(0, 'SKILL.md'))).toEqual(readFileSync(join(REAL, 'SKILL.md')))

    installSkill(shipped, places, forced)
    expect(readFileSync(inPlace(1, 'SKILL.md'), 'utf8')).toBe('new')
  })

  test('does not take the place of another skill of that name', () => {
    mkdirSync(inPlace(0), { recursive: true })
    writeFileSync(inPlace(0, 'SKILL.md'), 'somebody else')
    expect(() => installSkill(shipped, places, really)).toThrow(expect.objectContaining({ code: 'wrong_state' }))
    expect(existsSync(inPlace(1))).toBe(false)
  })

  test('leaves files alone that never belonged to it', () => {
    installSkill(shipped, places, really)
    writeFileSync(inPlace(0, 'notes.md'), 'mine')
    uninstallSkill(shipped, places, really)
    expect(readdirSync(inPlace(0))).toEqual(['notes.md'])
  })

  test('is not written through a link, and no manifest reaches outside of its directory', () => {
    const outside = join(home.path, 'outside')
    mkdirSync(outside)
    mkdirSync(join(inPlace(0), '..'), { recursive: true })
    symlinkSync(outside, inPlace(0))
    expect(() => installSkill(shipped, places, forced)).toThrow(expect.objectContaining({ code: 'wrong_state' }))
    rmSync(inPlace(0))
    mkdirSync(inPlace(0))
    symlinkSync(outside, inPlace(0, 'references'))
    expect(() => installSkill(shipped, places, forced)).toThrow(expect.objectContaining({ code: 'wrong_state' }))
    expect(readdirSync(outside)).toEqual([])

    rmSync(inPlace(0, 'references'))
    writeFileSync(join(outside, 'precious'), 'x')
    writeFileSync(inPlace(0, '.installed.json'), '{"version":"1.0.0","files":{"../../../../outside/precious":"x"}}')
    writeFileSync(inPlace(0, 'SKILL.md'), 'x')
    uninstallSkill(shipped, places, forced)
    expect(readdirSync(outside)).toEqual(['precious'])
  })
})
