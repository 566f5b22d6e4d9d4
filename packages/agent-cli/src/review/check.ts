/** What one validator says about one aspect of a result. */
export interface Check {
  name: string
  kind: 'schema' | 'rule' | 'test'
  passed: boolean
  /** > 0 */
  weight: number
  /** Only when it did not pass. May quote the brief and the result, so it is as private as they are. */
  reason?: string
}
