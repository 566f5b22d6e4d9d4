/** The stored data cannot be used as it stands. `message` is one line for the operator; the process ends with exit code 78 and no byte was changed. */
export class StorageUnusable extends Error {
  override readonly name = 'StorageUnusable'
}

/** The storage did not do what was asked of it, and nothing says that the data are bad: another start may find it well. Exit code 74; `message` as above. */
export class StorageFailed extends Error {
  override readonly name = 'StorageFailed'
}
