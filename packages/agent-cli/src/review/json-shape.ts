interface ShapeLimits {
  depthMax: number
  nodesMax: number
}

/**
 * Say what makes a JSON value too big to work on. Not recursive, so depth (or a cycle) cannot overflow the stack.
 *
 * @returns Such as `nested deeper than 64`, or undefined when it is within the limits.
 */
export function findShapeFault(value: unknown, { depthMax, nodesMax }: ShapeLimits): string | undefined {
  const pending: [node: unknown, depth: number][] = [[value, 1]]
  let nodes = 1
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [node, depth] = next
    if (typeof node !== 'object' || node === null) continue
    if (depth > depthMax) return `nested deeper than ${depthMax}`
    const children = Object.values(node)
    nodes += children.length
    if (nodes > nodesMax) return `more than ${nodesMax} values`
    for (const child of children) if (typeof child === 'object') pending.push([child, depth + 1])
  }
  return undefined
}

/** A text that is equal for equal JSON values and for no others: keys sorted, `-0` is `0`. Recursive: only for values of checked depth. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`
  // Not JSON.stringify, for which 1e400 (parsed as Infinity) is null.
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, child]) => `${JSON.stringify(key)}:${canonicalText(child)}`).join()}}`
}

/** @returns Whether it is a JSON object: not null, not an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
