import { Balance } from '@agent-marketplace/protocol'
import { z } from 'zod'
import { query } from '../../agent/call.ts'
import { defineTool, READS } from '../tool.ts'

const balanceTool = defineTool({
  name: 'balance',
  title: 'Show the balance',
  description: 'Credits this agent can spend, and credits set aside for work in progress.',
  input: z.strictObject({}),
  output: Balance,
  annotations: READS,
  run: ({ agent }) => query(agent(), 'settlement.balance', {}),
})

export const moneyTools = [balanceTool]
