import { readFileSync, statSync } from 'node:fs'
import { BriefError } from './brief-error.ts'
import type { Check } from './check.ts'
import { findShapeFault } from './json-shape.ts'
import { type Findings, type ResultFile, trouble } from './report.ts'
import { checkRules, parseRules } from './rule-set.ts'
import { checkSchema, compileSchema } from './schema.ts'

/** A larger result is not one these validators take: it is `invalid_format`. */
export const JSON_BYTES_MAX = 16 * 1024 * 1024
const JSON_LIMITS = { depthMax: 256, nodesMax: 1_000_000 }
/** Up to this size all violations of the schema are collected, above it the first. */
const ALL_ERRORS_BYTES_MAX = 256 * 1024

export interface JsonWork {
  schema?: unknown
  rules?: unknown
  files: readonly ResultFile[]
}

/**
 * Run schema and rules over the JSON results: the only file, or of several every one named `….json` (each must hold).
 * Synchronous and possibly endless: runs in `json-worker.ts`.
 */
export function checkJsonFiles({ schema, rules, files }: JsonWork): Findings {
  try {
    // The brief first: a broken one is never the result's fault, whatever the result is.
    const ruleSet = rules === undefined ? undefined : parseRules(rules)
    const allErrors = files.every(({ path }) => statSync(path).size <= ALL_ERRORS_BYTES_MAX)
    const validate = schema === undefined ? undefined : compileSchema(schema, { allErrors })
    const subjects = files.length === 1 ? files : files.filter(({ name }) => name.toLowerCase().endsWith('.json'))
    if (subjects.length === 0) return trouble('invalid_format', 'none of the result files is named .json')

    const checks: Check[] = []
    for (const { name, path } of subjects) {
      const { document, fault } = readJson(path)
      if (fault) return trouble('invalid_format', `${name}: ${fault}`)
      const found = [...(validate ? [checkSchema(validate, document)] : []), ...(ruleSet ? checkRules(ruleSet, document) : [])]
      checks.push(...(subjects.length === 1 ? found : found.map((check) => ({ ...check, name: `${check.name} (${name})` }))))
    }
    return { checks }
  } catch (error) {
    if (error instanceof BriefError) return trouble('inconclusive', `the brief cannot be used: ${error.message}`)
    throw error
  }
}

function readJson(path: string): { document?: unknown; fault?: string | undefined } {
  if (statSync(path).size > JSON_BYTES_MAX) return { fault: `longer than ${JSON_BYTES_MAX} bytes` }
  try {
    const document: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)))
    return { document, fault: findShapeFault(document, JSON_LIMITS) }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return { fault: 'is not JSON in UTF-8' }
    throw error
  }
}
