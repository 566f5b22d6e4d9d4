import { Ajv2020, MissingRefError, type ValidateFunction } from 'ajv/dist/2020.js'
import { BriefError } from './brief-error.ts'
import type { Check } from './check.ts'
import { findShapeFault, isRecord } from './json-shape.ts'
import { compilePattern } from './pattern.ts'
import { shortReason } from './report.ts'

/** Of a schema; ajv compiles recursively. */
const SCHEMA_LIMITS = { depthMax: 64, nodesMax: 10_000 }
const SCHEMA_CHARS_MAX = 256 * 1024
/** What a schema weighs beside the rules. */
const SCHEMA_WEIGHT = 1
const ERRORS_SHOWN = 5
const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

/**
 * Check that a schema can be used: JSON Schema 2020-12, within limits, no remote `$ref`, every pattern linear. For early errors at the sender.
 * `format` is an annotation, as 2020-12 has it: never asserted. Keywords nobody knows are ignored.
 *
 * @returns The same schema.
 * @throws BriefError
 */
export function parseSchema(schema: unknown): object | boolean {
  compileSchema(schema, { allErrors: false })
  return schema as object | boolean
}

/**
 * Compile a schema. A small schema can still take exponential time or memory on a result: run what is compiled where both are capped (`json-worker.ts`).
 *
 * @param allErrors - Report several violations instead of the first; memory grows with them, so only for small results.
 * @throws BriefError
 */
export function compileSchema(schema: unknown, { allErrors }: { allErrors: boolean }): ValidateFunction {
  if (typeof schema !== 'boolean' && !isRecord(schema)) throw new BriefError('schema', 'must be an object or a boolean')
  const fault = findShapeFault(schema, SCHEMA_LIMITS)
  if (fault) throw new BriefError('schema', fault)
  if (JSON.stringify(schema).length > SCHEMA_CHARS_MAX)
    throw new BriefError('schema', `longer than ${SCHEMA_CHARS_MAX} characters`)
  if (isRecord(schema) && (schema.$schema ?? DRAFT) !== DRAFT && schema.$schema !== `${DRAFT}#`)
    throw new BriefError('schema.$schema', `must be ${DRAFT}`)

  const ajv = new Ajv2020({
    strict: false,
    allErrors,
    logger: false,
    validateFormats: false,
    inlineRefs: false, // else many references to a large definition make code of many times its size
    ownProperties: true, // else every object has a `toString`
    unicodeRegExp: false,
    code: {
      optimize: false, // it is recursive and quadratic in the properties of one object: seconds for a thousand
      regExp: Object.assign((source: string) => compilePattern(source, 'schema'), { code: 'compilePattern' }),
    },
  })
  try {
    const validate = ajv.compile(schema)
    if ('$async' in validate) throw new BriefError('schema', '$async is not JSON Schema')
    return validate
  } catch (cause) {
    if (cause instanceof BriefError) throw cause
    if (cause instanceof RangeError) throw new BriefError('schema', 'has too many parts at one level to be compiled', { cause })
    if (cause instanceof MissingRefError)
      throw new BriefError('schema', 'has a $ref that leads out of it; nothing is fetched', { cause })
    throw new BriefError('schema', cause instanceof Error ? shortReason(cause.message) : 'cannot be compiled', { cause })
  }
}

/**
 * Check a result against a compiled schema.
 *
 * @throws BriefError when the schema calls itself without end.
 */
export function checkSchema(validate: ValidateFunction, document: unknown): Check {
  const check: Check = { name: 'schema', kind: 'schema', passed: false, weight: SCHEMA_WEIGHT }
  try {
    if (validate(document)) return { ...check, passed: true }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new BriefError('schema', 'calls itself without end', { cause })
  }
  const errors = validate.errors ?? []
  const shown = errors.slice(0, ERRORS_SHOWN).map((error) => `${error.instancePath || 'the document'} ${error.message}`)
  const more = errors.length > ERRORS_SHOWN ? [`and ${errors.length - ERRORS_SHOWN} more`] : []
  return { ...check, reason: shortReason([...shown, ...more].join('; ')) }
}
