/** Who does the work of a step, and who judges it. */
export interface Panel {
  readonly executor: string
  readonly reviewers: string[]
}

/**
 * Choose an executor and as many reviewers as are wanted, each the best that is left; nobody has two parts.
 *
 * @param wanted.executors - Candidates, best first.
 * @param wanted.reviewers - Candidates, best first; none are needed for `count` 0.
 * @param wanted.without - Agents that are not to be asked.
 * @returns `undefined` if there are too few.
 */
export function choosePanel(wanted: {
  executors: readonly string[]
  reviewers: readonly string[]
  count: number
  without: ReadonlySet<string>
}): Panel | undefined {
  const { executors, count, without } = wanted
  const reviewers = wanted.reviewers.filter((id) => !without.has(id))
  for (const executor of executors.filter((id) => !without.has(id))) {
    const others = reviewers.filter((id) => id !== executor)
    if (others.length >= count) return { executor, reviewers: others.slice(0, count) }
  }
  return undefined
}
