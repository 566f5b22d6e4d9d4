import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeTestHome } from '../test-home.ts'
import { refuseOwnState } from './paths.ts'

test('a model names files anywhere but among the keys and messages of this machine, whatever the way there', () => {
  using directory = makeTestHome()
  const home = join(directory.path, 'home')
  mkdirSync(join(home, 'profiles'), { recursive: true })
  symlinkSync(home, join(directory.path, 'link'))
  symlinkSync(join(home, 'profiles', 'not-there-yet'), join(directory.path, 'dangling'))
  const refused = (path: string) => expect(() => refuseOwnState([path], home)).toThrow(expect.objectContaining({ code: 'usage' }))

  for (const path of [home, join(home, 'profiles', 'default', 'keyring.json'), `${directory.path}/jobs/../home/profiles`])
    refused(path)
  for (const path of [join(directory.path, 'link', 'profiles'), join(directory.path, 'link', 'new', 'file')]) refused(path)
  for (const path of ['relative', './x', '', '~/x']) refused(path)
  for (const path of [join(directory.path, 'work', 'result.json'), `${home}-other`, join(directory.path, '..home')])
    expect(() => refuseOwnState([path], home)).not.toThrow()
})
