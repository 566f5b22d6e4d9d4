/** Do something for each, one after another; one that fails does not keep the others from their turn. @throws the first failure, at the end. */
export async function tryEach<T>(items: Iterable<T>, action: (item: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = []
  for (const item of items) await action(item).catch((error: unknown) => void failures.push(error))
  if (failures.length > 0) throw failures[0]
}
