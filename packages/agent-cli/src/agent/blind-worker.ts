import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { Blinded, Signed } from './blind-rsa.ts'

const TASK = 'agent-marketplace/blind-rsa'

type Work = { readonly blind: readonly Uint8Array[] } | { readonly finish: readonly Signed[] }

/** `BlindSuite` for many at once, in a thread of its own: whoever else lives in this process has its turn meanwhile. One call at a time. */
export interface BlindThread extends AsyncDisposable {
  /** @returns what became of each message, in their order. */
  blind(messages: readonly Uint8Array[]): Promise<Blinded[]>
  /** @returns the signatures, in their order; `undefined` for one that is not of the key. */
  finish(signed: readonly Signed[]): Promise<(Uint8Array | undefined)[]>
}

/** @param modulus - Of the signer's key, base64url. */
export function openBlindThread(modulus: string): BlindThread {
  // This very file is the thread's entry: it stays true in sources, in dist and in any bundle that keeps this module apart from `bin/`.
  const worker = new Worker(new URL(import.meta.url), { workerData: { task: TASK, modulus } })
  async function ask(work: Work): Promise<unknown> {
    worker.postMessage(work)
    const [answer] = await once(worker, 'message')
    return answer
  }
  return {
    blind: (messages) => ask({ blind: messages }) as Promise<Blinded[]>,
    finish: (signed) => ask({ finish: signed }) as Promise<(Uint8Array | undefined)[]>,
    async [Symbol.asyncDispose]() {
      await worker.terminate()
    },
  }
}

async function serve(modulus: string): Promise<void> {
  // Only the thread pays for loading it.
  const { openBlindSuite } = await import('./blind-rsa.ts')
  const suite = await openBlindSuite(modulus)
  async function answer(work: Work): Promise<void> {
    parentPort?.postMessage('blind' in work ? await each(work.blind, suite.blind) : await each(work.finish, suite.finish))
  }
  parentPort?.on('message', (work: Work) => void answer(work))
}

async function each<In, Out>(inputs: readonly In[], act: (input: In) => Promise<Out>): Promise<Out[]> {
  const outputs: Out[] = []
  for (const input of inputs) outputs.push(await act(input))
  return outputs
}

if (!isMainThread && workerData?.task === TASK) await serve(workerData.modulus)
