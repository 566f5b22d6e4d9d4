/**
 * The brief's validators cannot be used: a fault of the buyer, never of the result. The sender sees it before sending;
 * a reviewer answers `inconclusive`.
 */
export class BriefError extends Error {
  override readonly name = 'BriefError'
  /** Where in the brief, such as `rules[2].value`. */
  readonly path: string

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(`${path}: ${message}`, options)
    this.path = path
  }
}
