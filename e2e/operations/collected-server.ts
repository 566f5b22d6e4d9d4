// The server, which collects its garbage when it is told to by SIGUSR2, and overwrites it: what is in its memory then is what it still knows.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--clear-free-memory')
setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
process.on('SIGUSR2', () => {
  // What the first one frees may hold the last reference to more.
  collect()
  collect()
  process.stderr.write('collected\n')
})
await import('../../packages/platform-server/src/main.ts')
