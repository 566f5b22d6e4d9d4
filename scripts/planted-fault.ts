export interface PlantedFault {
  /** What somebody might break, in one sentence. */
  fault: string
  /** The test file that must turn red, from the root of the repository. */
  test: string
  /** Part of the title (`describe` titles before it, a space between); without it, any test of the file may turn red. */
  title?: string
  /** The test drives the built packages: build with the fault in. */
  needsBuild: boolean
}

/**
 * Read the head of a patch: `Fault:`, `Test:`, `Title:` and `Needs: build`, one a line, before the diff.
 *
 * @returns What is wrong with it, as text, when a line is missing or unknown.
 */
export function parsePlantedFault(patch: string): PlantedFault | string {
  const end = patch.search(/^(?:diff |--- )/m)
  if (end < 0) return 'the patch has no diff'
  const lines = patch
    .slice(0, end)
    .split('\n')
    .filter((line) => line.trim() !== '')
  const fields = new Map<string, string>()
  for (const line of lines) {
    const [, key, value] = /^(Fault|Test|Title|Needs): (.+)$/.exec(line) ?? []
    if (key === undefined || value === undefined)
      return `the head has a line that is not Fault:, Test:, Title: or Needs:: ${line}`
    if (fields.has(key)) return `the head has two lines ${key}:`
    fields.set(key, value.trim())
  }
  const fault = fields.get('Fault')
  const test = fields.get('Test')
  const title = fields.get('Title')
  const needs = fields.get('Needs')
  if (fault === undefined || test === undefined) return 'the head must have the lines Fault: and Test:'
  if (needs !== undefined && needs !== 'build') return 'Needs: can only say build'
  return { fault, test, ...(title === undefined ? {} : { title }), needsBuild: needs === 'build' }
}
