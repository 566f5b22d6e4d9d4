// Write the JSON Schema of chain files that editors use: packages/agent-cli/schemas/chain.schema.json. A test compares the two.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chainSchema } from '../packages/agent-cli/src/chain/chain-schema.ts'

const directory = join(import.meta.dirname, '..', 'packages', 'agent-cli', 'schemas')
mkdirSync(directory, { recursive: true })
writeFileSync(join(directory, 'chain.schema.json'), `${JSON.stringify(chainSchema(), undefined, 2)}\n`)
