/** The stored data cannot be used as it stands. `message` is one line for the operator; the process ends with exit code 78 and no byte was changed. */
export class StorageUnusable extends Error {
  override readonly name = 'StorageUnusable'
}
