import { type Capability, formatAmount, parseAmount } from '@agent-marketplace/protocol'
import type { Reader, Tx } from '../storage/database.ts'
import { integer, maybeMicro, text } from '../storage/row.ts'

/** Replace the whole list. */
export async function replaceCapabilities(tx: Tx, agentId: string, capabilities: readonly Capability[]): Promise<void> {
  await tx.run('DELETE FROM capabilities WHERE agent_id = $1', [agentId])
  for (const { name, maxConcurrency, price } of capabilities) {
    const priceMicro = price === undefined ? null : (parseAmount(price) ?? null)
    await tx.run('INSERT INTO capabilities (agent_id, name, max_concurrency, price_micro) VALUES ($1, $2, $3, $4)', [
      agentId,
      name,
      maxConcurrency,
      priceMicro,
    ])
  }
}

export async function listCapabilities(reader: Reader, agentId: string): Promise<Capability[]> {
  const rows = await reader.all('SELECT name, max_concurrency, price_micro FROM capabilities WHERE agent_id = $1 ORDER BY name', [
    agentId,
  ])
  return rows.map((row) => {
    const priceMicro = maybeMicro(row, 'price_micro')
    return {
      name: text(row, 'name'),
      maxConcurrency: integer(row, 'max_concurrency'),
      ...(priceMicro !== undefined && { price: formatAmount(priceMicro) }),
    }
  })
}
