import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchArtifact } from './artifact.ts'
import { benchDrops } from './drops.ts'
import { benchScan } from './feed-scan.ts'
import { benchTokens } from './relay-tokens.ts'
import type { Options, Row } from './row.ts'

/** The anonymous plane: small drops, one large artifact, the feed and the tokens. */
export async function benchRelay(options: Options): Promise<Row[]> {
  const root = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    return [
      ...(await benchDrops(join(root, 'drops'), options)),
      ...(await benchArtifact(join(root, 'artifact'), options)),
      ...benchScan(options),
      ...(await benchTokens(options)),
    ]
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
