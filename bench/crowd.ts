import { joinPlatform } from './scene.ts'
import type { openDeps } from './seed.ts'

type Deps = Awaited<ReturnType<typeof openDeps>>

/** What everybody in the crowd offers. */
export const OFTEN = 'text.extract'
/** One in so many has work that failed, and one in so many takes no more than a credit: at ten thousand they fill a page. */
export const RARE = 400
/** So much of the work is still open: the oldest, behind everything that has ended. */
const OPEN = 50
const ROWS_TOGETHER = 20_000
/** Alive for as long as a measurement may take. */
const INTERVAL_MS = 3_600_000
const ID_DIGITS = 26

const NUMBERS = `WITH RECURSIVE numbers (n) AS (
  SELECT CAST($1 AS INTEGER) UNION ALL SELECT n + 1 FROM numbers WHERE n < CAST($2 AS INTEGER))`
const AGENT = `'agent-' || CAST(n AS TEXT)`
const ASSIGNMENT = `'asg_' || substr('${'0'.repeat(ID_DIGITS)}', 1, ${ID_DIGITS} - length(CAST(n AS TEXT))) || CAST(n AS TEXT)`
const TASK = `task_${'0'.repeat(ID_DIGITS)}`
const SESSION = `ses_${'0'.repeat(ID_DIGITS)}`

/** Everybody offers the same, at prices and with records that differ, and has done one piece of work for the same buyer. */
const STATEMENTS = [
  `${NUMBERS} INSERT INTO agents SELECT ${AGENT}, status, 2, sign_key, 1, card_bytes, card_signature, registered_at_ms
   FROM agents, numbers WHERE agent_id = 'template'`,
  `${NUMBERS} INSERT INTO capabilities SELECT ${AGENT}, '${OFTEN}', 2, 1000000 * (1 + n % ${RARE}) FROM numbers`,
  `${NUMBERS} INSERT INTO reputation SELECT ${AGENT}, n % 7, n % 3 FROM numbers WHERE n % 10 = 0`,
  `${NUMBERS} INSERT INTO presence SELECT ${AGENT}, CAST($3 AS BIGINT), ${INTERVAL_MS}, 0 FROM numbers`,
  `${NUMBERS} INSERT INTO assignments (assignment_id, task_id, session_id, kind, state, buyer_id, assignee_id, price_micro, funded, fee_bps,
     review_rule, buyer_may_review, attempt, max_attempts, lease_epoch, lease_ms, accept_by_ms, review_within_ms, has_spoken)
   SELECT ${ASSIGNMENT}, '${TASK}', '${SESSION}', 'execute', CASE WHEN n % ${RARE} = 0 THEN 'failed' WHEN n <= ${OPEN} THEN 'submitted' ELSE 'passed' END, 'buyer', ${AGENT},
     0, 0, 0, 'majority', 0, 1, 1, 1, 1000, CAST($3 AS BIGINT), 1000, 0 FROM numbers`,
]

/** What the triggers of discovery do row by row, all at once. */
const CANDIDATES = `${NUMBERS} INSERT INTO candidates (agent_id, capability, max_concurrency, price_micro, demerit_bps, load)
  SELECT o.agent_id, o.capability, o.max_concurrency, o.price_micro, o.demerit_bps, o.load
  FROM numbers JOIN ranked_offers o ON o.agent_id = ${AGENT}`

/** The buyer, and whom the others are copies of. */
export async function openCrowd(deps: Deps): Promise<void> {
  await joinPlatform(deps, 'buyer')
  await joinPlatform(deps, 'template')
  await deps.db.write(async (tx) => {
    await tx.run(`INSERT INTO tasks VALUES ('${TASK}', 'buyer', 'open', 'majority', 0, 0)`)
    await tx.run(`INSERT INTO task_sessions VALUES ('${SESSION}', '${TASK}', 'running')`)
  })
}

/** Add agents and assignments until there are `to` of each. @param from - How many there are. */
export async function growTo({ db, now }: Deps, from: number, to: number): Promise<void> {
  const hasSwitch = db.engine === 'postgres'
  for (let first = from + 1; first <= to; first += ROWS_TOGETHER) {
    const last = Math.min(to, first + ROWS_TOGETHER - 1)
    await db.write(async (tx) => {
      // A million calls of a trigger take PostgreSQL minutes.
      if (hasSwitch) await tx.run('SET LOCAL session_replication_role = replica')
      for (const sql of hasSwitch ? [...STATEMENTS, CANDIDATES] : STATEMENTS)
        await tx.run(sql, sql.includes('$3') ? [first, last, now()] : [first, last])
    })
  }
  // PostgreSQL does this by itself where data are kept.
  if (hasSwitch) await db.write((tx) => tx.run('ANALYZE'))
}

/** Where the page that begins before an assignment starts. */
export function cursorAt(n: number): string {
  return Buffer.from(JSON.stringify([`asg_${String(Math.floor(n)).padStart(ID_DIGITS, '0')}`])).toString('base64url')
}
