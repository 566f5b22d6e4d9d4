import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { giveVerdict, openJob, submitWork } from '../../test/jobs.ts'
import { openTestPlatform, type TestPlatform } from '../../test/platform.ts'
import { checkBalances, verifyLedger } from './operations.ts'

const verify = ({ deps }: TestPlatform) => deps.db.read(verifyLedger)

/** A platform where money has moved: two deposits, two holds, two captures. */
async function openLedger() {
  const platform = await openTestPlatform(['--fee-bps', '500'])
  const job = await openJob(platform, { reviewers: 1 })
  await job.executor.api.settlement.deposit({ amount: '3' })
  await submitWork(job)
  await giveVerdict(job, 0, 'passed')
  return platform
}

/** Do to the file what only somebody with the file can do. */
function tamper({ directory }: TestPlatform, sql: string): void {
  using database = new DatabaseSync(join(directory, 'platform.sqlite'), { enableForeignKeyConstraints: false })
  const triggers = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'trigger'`).all()
  for (const { name } of triggers) database.exec(`DROP TRIGGER ${name}`)
  database.exec(sql)
}

test('an honest ledger has no fault, and an empty one neither', async () => {
  await using empty = await openTestPlatform()
  await using platform = await openLedger()

  expect(await verify(empty)).toEqual({ entries: 0 })
  expect(await verify(platform)).toEqual({ entries: 6 })
})

test('a ledger of more entries than are read at once is read to its end', async () => {
  await using platform = await openTestPlatform()
  const agents = await Promise.all(['ann', 'ben'].map((name) => platform.agent(name)))
  await Promise.all(agents.flatMap((agent) => Array.from({ length: 300 }, () => agent.api.settlement.deposit({ amount: '0.1' }))))

  expect(await verify(platform)).toEqual({ entries: 600 })
})

test.for(['ledger_entries', 'ledger_postings'])('the engine refuses to change or to forget %s', async (table) => {
  await using platform = await openLedger()
  const { db } = platform.deps

  await expect(db.write((tx) => tx.run(`UPDATE ${table} SET entry_id = entry_id`))).rejects.toThrow('append-only')
  await expect(db.write((tx) => tx.run(`DELETE FROM ${table}`))).rejects.toThrow('append-only')
  expect(await verify(platform)).toEqual({ entries: 6 })
})

describe('seen by a look at the whole ledger', () => {
  const last = `(SELECT max(seq) FROM ledger_entries WHERE chain = 'buyer')`
  test.for([
    ['an amount', `UPDATE ledger_postings SET amount_micro = amount_micro + 1 WHERE to_account = 'fees'`, /hashed/],
    ['a payee', `UPDATE ledger_postings SET to_account = 'available:buyer' WHERE to_account = 'available:executor'`, /hashed/],
    ['a time', `UPDATE ledger_entries SET at_ms = at_ms - 1 WHERE kind = 'hold'`, /hashed/],
    ['an actor', `UPDATE ledger_entries SET actor = 'executor' WHERE kind = 'hold'`, /hashed/],
    ['a posting gone', `DELETE FROM ledger_postings WHERE to_account = 'fees'`, /hashed/],
    [
      'all postings of an entry gone',
      `DELETE FROM ledger_postings WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE chain = 'buyer' AND seq = 1)`,
      /chain buyer, entry 1: it moves no money/,
    ],
    [
      'an entry gone from the middle',
      `DELETE FROM ledger_entries WHERE chain = 'buyer' AND seq = 2`,
      /chain buyer, entry 3: .*missing/,
    ],
    [
      'the last entry gone',
      `DELETE FROM ledger_entries WHERE chain = 'buyer' AND seq = ${last}`,
      /chain buyer: it does not end where it did/,
    ],
    ['a whole chain gone', `DELETE FROM ledger_entries WHERE chain = 'executor'`, /chain executor: it does not end/],
    ['a head gone', `DELETE FROM ledger_heads WHERE chain = 'executor'`, /chain executor: it does not end/],
    ['an entry in another chain', `UPDATE ledger_entries SET chain = 'aa' WHERE chain = 'executor'`, /another chain/],
    [
      'a balance',
      `UPDATE accounts SET balance_micro = balance_micro + 1 WHERE account = 'available:buyer'`,
      /account available:buyer/,
    ],
    ['an account gone', `DELETE FROM accounts WHERE account = 'fees'`, /account fees/],
    ['a hold that is active again', `UPDATE holds SET state = 'active' WHERE payee_id = 'executor'`, /held:buyer/],
  ] as const)('%s', async ([, sql, fault]) => {
    await using platform = await openLedger()
    tamper(platform, sql)

    expect((await verify(platform)).fault).toMatch(fault)
  })
})

test('balances are sums also where all that ever moved is more than fits a number of the database', async () => {
  await using platform = await openLedger()
  const rows = Array.from(
    { length: 12 },
    (_, index) => `('ent_x${index}', 'fees', 'external'), ('ent_y${index}', 'external', 'fees')`,
  )
  tamper(
    platform,
    `INSERT INTO ledger_entries SELECT column1, column1, 1, x'00', x'00', 'deposit', NULL, NULL, NULL, 'root', 0 FROM (VALUES ${rows.join()});
     INSERT INTO ledger_postings SELECT column1, 0, column2, column3, 1000000000000000000 FROM (VALUES ${rows.join()})`,
  )

  expect(await platform.deps.db.read(checkBalances)).toBeUndefined()
})
