import { type Arguments, FLAGS, type FlagName } from './flags.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads settings by the name of their flag: a flag wins over its variable, an empty variable counts as absent. */
export interface Settings {
  /** @returns what `read` makes of the text; `undefined` when nothing was given, or when `read` refuses it, which is a fault. */
  one<T>(name: FlagName, read: (text: string) => T | undefined, expected: string): T | undefined
  /** A setting that is one of a few words. */
  choice<T extends string>(name: FlagName, choices: readonly T[]): T | undefined
  /** A setting that may be given several times, or as one list separated by commas in the environment. */
  many<T>(name: FlagName, read: (text: string) => T | undefined, expected: string): T[]
}

/** @param faults - Takes one line for each text that cannot be read; the text itself may be a secret and is not in it. */
export function createSettings({ given }: Arguments, env: Environment, faults: string[]): Settings {
  const sourceOf = (name: FlagName) => (given.has(name) ? `--${name}` : FLAGS[name].env)
  const textsOf = (name: FlagName) => given.get(name) ?? [env[FLAGS[name].env] ?? ''].filter((text) => text !== '')

  const readText = <T>(name: FlagName, text: string, read: (text: string) => T | undefined, expected: string): T | undefined => {
    const value = read(text)
    if (value === undefined) faults.push(`${sourceOf(name)}: expected ${expected}`)
    return value
  }
  const one: Settings['one'] = (name, read, expected) => {
    const text = textsOf(name).at(-1)
    return text === undefined ? undefined : readText(name, text, read, expected)
  }
  return {
    one,
    choice: (name, choices) => one(name, (text) => choices.find((each) => each === text), choices.join(' or ')),
    many: (name, read, expected) =>
      textsOf(name)
        .flatMap((text) => text.split(','))
        .map((text) => readText(name, text.trim(), read, expected))
        .filter((value) => value !== undefined),
  }
}
