/** Long texts in SQLite: a row holds 2 MB at most, so a text is kept as numbered pieces of its UTF-8 bytes. */
import { LIMITS } from "#shared/model/limits.ts"

/** Which text of a revision. */
export type Part = "documents" | "snapshot"

export const TEXTS_SCHEMA = `CREATE TABLE texts (
  revision INTEGER NOT NULL, part TEXT NOT NULL, piece INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY (revision, part, piece)
)`

export function writeText(sql: SqlStorage, revision: number, part: Part, text: string): void {
  const bytes = new TextEncoder().encode(text)
  for (let piece = 0; piece * LIMITS.chunkBytesMax < bytes.length; piece++) {
    const start = piece * LIMITS.chunkBytesMax
    const chunk = bytes.slice(start, start + LIMITS.chunkBytesMax).buffer
    sql.exec("INSERT INTO texts (revision, part, piece, bytes) VALUES (?, ?, ?, ?)", revision, part, piece, chunk)
  }
}

export function readText(sql: SqlStorage, revision: number, part: Part): string {
  const rows = sql.exec<{ bytes: ArrayBuffer }>(
    "SELECT bytes FROM texts WHERE revision = ? AND part = ? ORDER BY piece",
    revision,
    part,
  )
  // One decoder over all pieces: a character may be cut in two at a piece's end.
  const decoder = new TextDecoder()
  let text = ""
  for (const row of rows) text += decoder.decode(row.bytes, { stream: true })
  return text + decoder.decode()
}
