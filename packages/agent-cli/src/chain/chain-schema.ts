import { z } from 'zod'
import { ChainFile } from './chain-file.ts'

const SCHEMA_ID = 'urn:agent-marketplace:chain:1'

/** The JSON Schema of a chain file, for editors. Names that point nowhere and circles are beyond it: `chain check` finds those. */
export function chainSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(ChainFile, {
    target: 'draft-2020-12',
    override: ({ jsonSchema }) => either(jsonSchema),
  })
  return {
    $schema,
    $id: SCHEMA_ID,
    title: 'Task chain',
    description: 'A buyer’s private plan, read by `agent-marketplace chain` and never by the platform.',
    ...schema,
  }
}

/** A step has a capability or an agent, a review has a capability or agents. */
function either(schema: z.core.JSONSchema.BaseSchema): void {
  const { properties } = schema
  const other = properties?.agent ? 'agent' : properties?.agents ? 'agents' : undefined
  if (other !== undefined) schema.oneOf = [{ required: ['capability'] }, { required: [other] }]
}
