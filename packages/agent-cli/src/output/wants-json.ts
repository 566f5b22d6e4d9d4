import { homeDirectory } from '../settings/home.ts'
import { readSettings } from '../settings/settings.ts'

/** Whether the answer is to be JSON: `--json` before any `--`, or the setting `output`. Asked also when the command line could not be read. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json') || outputSetting() === 'json'
}

function outputSetting(): string | undefined {
  try {
    return readSettings(homeDirectory()).output
  } catch {
    return undefined // the command itself says what is wrong with the settings
  }
}
