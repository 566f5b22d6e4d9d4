import type { RelayTtl } from '@agent-marketplace/protocol'
import type { Vault } from './vault.ts'

/** A file being uploaded as an artifact, or uploaded. `artifactKey` is K, 32 bytes. */
export interface Upload {
  readonly uploadId: number
  readonly artifactKey: Uint8Array
  /** Of its plain bytes, base64url. */
  readonly sha256: string
  readonly expiresAtMs: number
  /** Its parts rest in the spool until they are due, or are on their way from there. */
  readonly isSpooled: boolean
}

/** A file whose parts rest in the spool. */
export interface SpooledUpload extends Pick<Upload, 'uploadId' | 'artifactKey'> {
  readonly bytes: number
  readonly ttl: RelayTtl
  readonly holdUntilMs: number
}

export interface UploadedFile {
  /** What for, such as `work asg_… 1`: a file is sealed under one key for one purpose. */
  readonly purpose: string
  readonly name: string
  /** Of its plain bytes, base64url. */
  readonly sha256: string
  readonly bytes: number
  readonly ttl: RelayTtl
}

/**
 * The upload of a file for a purpose: the one begun before if its first parts will still be there at `freshUntilMs`, else a new one under the given key.
 * The hash is part of what makes it the same file, so one key never seals two contents.
 */
export function beginUpload(
  vault: Vault,
  file: UploadedFile,
  fresh: { artifactKey: Uint8Array; expiresAtMs: number; freshUntilMs: number },
): Upload {
  const { purpose, name, sha256, bytes, ttl } = file
  return vault.transaction(() => {
    const begun = vault.get<{ upload_id: number; artifact_key: Uint8Array; expires_at_ms: number; spooled: number }>(
      `SELECT upload_id, artifact_key, expires_at_ms, spooled FROM uploads
       WHERE purpose = ? AND name = ? AND sha256 = ? AND bytes = ? AND ttl = ? AND expires_at_ms >= ? ORDER BY upload_id DESC LIMIT 1`,
      purpose,
      name,
      sha256,
      bytes,
      ttl,
      fresh.freshUntilMs,
    )
    if (begun) {
      const { upload_id: uploadId, artifact_key: artifactKey, expires_at_ms: expiresAtMs, spooled } = begun
      return { uploadId, artifactKey, sha256, expiresAtMs, isSpooled: spooled === 1 }
    }
    const { artifactKey, expiresAtMs } = fresh
    const made = vault.get<{ upload_id: number }>(
      'INSERT INTO uploads (purpose, name, sha256, bytes, artifact_key, ttl, expires_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING upload_id',
      purpose,
      name,
      sha256,
      bytes,
      artifactKey,
      ttl,
      expiresAtMs,
    )
    if (!made) throw new Error('an inserted row is returned')
    return { uploadId: made.upload_id, artifactKey, sha256, expiresAtMs, isSpooled: false }
  })
}

/** Whether a file of this name and length was begun for this purpose, whatever was in it. */
export function isUploadKnown(vault: Vault, { purpose, name, bytes, ttl }: Omit<UploadedFile, 'sha256'>): boolean {
  const sql = 'SELECT 1 FROM uploads WHERE purpose = ? AND name = ? AND bytes = ? AND ttl = ? LIMIT 1'
  return vault.get(sql, purpose, name, bytes, ttl) !== undefined
}

/** Parts of an upload that the relay has. */
export function uploadedParts(vault: Vault, uploadId: number): Set<number> {
  return new Set(
    vault.all<{ part: number }>('SELECT part FROM upload_parts WHERE upload_id = ?', uploadId).map(({ part }) => part),
  )
}

/** A mark that is lost costs another upload of the same bytes to the same slot, which the relay takes for what it is. */
export function markUploaded(vault: Vault, uploadId: number, part: number): void {
  vault.note('INSERT OR IGNORE INTO upload_parts VALUES (?, ?)', uploadId, part)
}

/** Forget uploads whose parts the relay has dropped; what rests here is still to be sent. */
export function forgetExpiredUploads(vault: Vault, nowMs: number): void {
  vault.run('DELETE FROM uploads WHERE expires_at_ms < ? AND spooled = 0', nowMs)
}

/** The keys of all uploads that are known. */
export function listUploadKeys(vault: Vault): Uint8Array[] {
  return vault.all<{ artifact_key: Uint8Array }>('SELECT artifact_key FROM uploads').map((row) => row.artifact_key)
}

/** All parts of a file lie in the spool: from here on it will be uploaded, whatever becomes of the file. */
export function markSpooled(vault: Vault, uploadId: number, holdUntilMs: number): void {
  vault.run('UPDATE uploads SET spooled = 1, hold_until_ms = ? WHERE upload_id = ? AND spooled = 0', holdUntilMs, uploadId)
}

/** The relay has all parts: what waited for them may leave. */
export function markUnspooled(vault: Vault, uploadId: number): void {
  vault.run('UPDATE uploads SET spooled = 0 WHERE upload_id = ?', uploadId)
}

/** Files that rest, those first that leave first. */
export function listSpooled(vault: Vault): SpooledUpload[] {
  return vault.all<SpooledUpload>(
    `SELECT upload_id AS uploadId, artifact_key AS artifactKey, bytes, ttl, hold_until_ms AS holdUntilMs FROM uploads
     WHERE spooled = 1 ORDER BY hold_until_ms, upload_id`,
  )
}

/** Which parts of an artifact lie in the partial file of `path` already. */
export function downloadedParts(vault: Vault, path: string, sha256: string): Set<number> {
  return new Set(
    vault
      .all<{ part: number }>('SELECT part FROM download_parts WHERE path = ? AND sha256 = ?', path, sha256)
      .map(({ part }) => part),
  )
}

/** Its bytes are not synced either: whether all of them are there is told by the hash of the whole. */
export function markDownloaded(vault: Vault, path: string, sha256: string, part: number): void {
  vault.note('INSERT OR IGNORE INTO download_parts VALUES (?, ?, ?)', path, sha256, part)
}

/** The file is whole, or its partial file is worth nothing. */
export function forgetDownload(vault: Vault, path: string): void {
  vault.run('DELETE FROM download_parts WHERE path = ?', path)
}
