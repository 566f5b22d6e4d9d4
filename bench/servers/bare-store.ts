// Bytes in and out over node:http with nothing around it: PUT writes a file, syncs it and renames it; GET sends it.
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { listen } from '../../packages/platform-server/src/listen.ts'

const directory = process.argv[2] ?? ''
await mkdir(directory, { recursive: true })

const server = createServer(async (request, response) => {
  const path = join(directory, basename(request.url ?? ''))
  if (request.method === 'GET') return pipeline(createReadStream(path), response)
  await pipeline(request, createWriteStream(`${path}.partial`, { flush: true }))
  await rename(`${path}.partial`, path)
  response.writeHead(204).end()
})
const port = await listen(server, { host: '127.0.0.1', port: 0 })
console.log(JSON.stringify({ event: 'listening', origin: `http://127.0.0.1:${port}` }))
