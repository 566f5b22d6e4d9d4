import type { Validators } from '@agent-marketplace/protocol/sealing'
import { BriefError } from '../review/brief-error.ts'
import { parseRules } from '../review/rule-set.ts'
import { parseSchema } from '../review/schema.ts'
import { readTestSuite } from '../review/test-suite.ts'
import { readText } from './argument.ts'
import { usage } from './cli-error.ts'

/**
 * Read validators as the command line names them, checked as strictly as a reviewer will.
 *
 * @param named - `schema` and `rules` are a text or `@file` of JSON, `tests` is a directory.
 * @returns `undefined` if none is named.
 * @throws CliError `usage` naming what is wrong.
 */
export async function readValidators(named: {
  schema?: string | undefined
  rules?: string | undefined
  tests?: string | undefined
}): Promise<Validators | undefined> {
  const { schema, rules, tests } = named
  if (schema === undefined && rules === undefined && tests === undefined) return undefined
  try {
    return {
      ...(schema !== undefined && { schema: parseSchema(parseJson(schema, 'schema')) }),
      ...(rules !== undefined && { rules: parseRules(parseJson(rules, 'rules')) }),
      ...(tests !== undefined && { tests: await readTestSuite(tests) }),
    }
  } catch (error) {
    if (error instanceof BriefError) throw usage(`${error.message}`)
    throw error
  }
}

function parseJson(argument: string, what: string): unknown {
  try {
    return JSON.parse(readText(argument))
  } catch (error) {
    if (error instanceof SyntaxError) throw usage(`the ${what} is not JSON`)
    throw error
  }
}
