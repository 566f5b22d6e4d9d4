/** How many things a sweep works on at a time: enough to share commits, few enough not to stand in the way of callers. */
const AT_A_TIME = 8

/**
 * Work on what a sweep found. One that fails does not hold up the others.
 *
 * @param work - Looks at its thing again in its own transaction. @returns whether it changed anything.
 * @returns how many were changed.
 * @throws what the first failing one threw, once all were tried.
 */
export async function forEachDue<T>(due: readonly T[], work: (each: T) => Promise<boolean>): Promise<number> {
  let changed = 0
  const faults: unknown[] = []
  for (let at = 0; at < due.length; at += AT_A_TIME) {
    for (const result of await Promise.allSettled(due.slice(at, at + AT_A_TIME).map(work))) {
      if (result.status === 'rejected') faults.push(result.reason)
      else if (result.value) changed++
    }
  }
  if (faults.length > 0) throw faults[0]
  return changed
}
