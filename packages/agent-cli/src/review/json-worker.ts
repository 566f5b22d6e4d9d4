import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { checkJsonFiles, type JsonWork } from './json-checks.ts'
import { type Findings, faultName, trouble } from './report.ts'

/** For all JSON checks of one report, the start of the thread included. */
const JSON_CHECKS_MS_MAX = 20_000
const HEAP_MIB_MAX = 512
const TASK = 'agent-marketplace/json-checks'

/**
 * Run schema and rules in a thread of their own, because a small schema can take exponential time or memory: there it harms nobody.
 *
 * @returns Findings; trouble `inconclusive` when time or memory ran out or `signal` was aborted. Never rejects.
 */
export async function checkJson(
  work: JsonWork,
  { timeoutMs = JSON_CHECKS_MS_MAX, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<Findings> {
  const timeout = AbortSignal.timeout(timeoutMs)
  let worker: Worker | undefined
  try {
    // This very file is the thread's entry: it stays true in sources, in dist and in any bundle that keeps this module apart from `bin/`.
    worker = new Worker(new URL(import.meta.url), {
      workerData: { task: TASK, work },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
    })
    const [findings] = await once(worker, 'message', { signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
    return findings as Findings
  } catch (error) {
    if (timeout.aborted) return trouble('inconclusive', `the JSON checks took longer than ${timeoutMs} ms`)
    return trouble('inconclusive', `the JSON checks could not run: ${faultName(error)}`)
  } finally {
    await worker?.terminate()
  }
}

if (!isMainThread && workerData?.task === TASK) parentPort?.postMessage(checkJsonFiles(workerData.work))
