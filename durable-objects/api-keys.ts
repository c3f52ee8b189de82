/**
 * The API keys of a mesh, as hashes, and what is new about them since a version that somebody knows. Every change has a version of its
 * own; a revoked key stays as a row without use, so that isolates hear that it is gone, until there are too many of those.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type {
  ApiKeyCreation,
  ApiKeyEntry,
  ApiKeyInfo,
  ApiKeyNews,
  ApiKeyRecord,
  ApiKeyUse,
} from "#shared/protocol/api-keys.ts"

export const API_KEYS_SCHEMA = `CREATE TABLE api_keys (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, owner TEXT NOT NULL, scopes TEXT NOT NULL, created_by TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER, used_at_ms INTEGER, revoked INTEGER NOT NULL, version INTEGER NOT NULL
  );
  CREATE INDEX api_keys_by_version ON api_keys (version);
  CREATE TABLE api_key_list (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, forgotten INTEGER NOT NULL);
  INSERT INTO api_key_list VALUES (1, 0, 0)`

type Row = {
  id: string
  hash: string
  owner: string
  scopes: string
  created_by: string
  created_at_ms: number
  expires_at_ms: number | null
  used_at_ms: number | null
  revoked: number
  version: number
}

export class ApiKeyTable {
  readonly #storage: DurableObjectStorage
  readonly #sql: SqlStorage

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
    this.#sql = storage.sql
  }

  create({ id, hash, owner, scopes, createdBy, expiresAtMs }: ApiKeyRecord, nowMs: number): ApiKeyCreation {
    return this.#storage.transactionSync((): ApiKeyCreation => {
      const known = this.#find(id)
      // The id of a key that is over is free again.
      if (known && known.revoked === 0 && !isOver(known, nowMs)) return { outcome: "exists" }
      if (this.#count(nowMs) >= LIMITS.apiKeysMax) return { outcome: "full" }
      this.#sql.exec(
        "INSERT OR REPLACE INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0, ?)",
        ...[id, hash, owner, JSON.stringify(scopes), createdBy, nowMs, expiresAtMs ?? null, this.#nextVersion()],
      )
      return { outcome: "created", key: infoOf(this.#find(id)!) }
    })
  }

  /** In the order of ids, expired ones too. */
  list(): ApiKeyInfo[] {
    return [...this.#sql.exec<Row>("SELECT * FROM api_keys WHERE revoked = 0 ORDER BY id")].map(infoOf)
  }

  /** Whether there was such a key. */
  revoke(id: string): boolean {
    return this.#storage.transactionSync(() => {
      const known = this.#find(id)
      if (!known || known.revoked === 1) return false
      const version = this.#nextVersion()
      this.#sql.exec("UPDATE api_keys SET revoked = 1, hash = '', version = ? WHERE id = ?", version, id)
      this.#forgetOldest()
      return true
    })
  }

  /** Of the list as a whole; 0 before the first key. */
  get version(): number {
    return this.#list().version
  }

  /** What is new to who knows `known`; undefined when nothing is. */
  newsSince(known: number): ApiKeyNews | undefined {
    const { version, forgotten } = this.#list()
    if (known === version) return undefined
    const whole = known < forgotten || known < 0
    const rows = [
      ...this.#sql.exec<Row>("SELECT * FROM api_keys WHERE version > ? ORDER BY version", whole ? 0 : known),
    ]
    return {
      version,
      ...(whole && { whole }),
      made: rows.filter(({ revoked }) => revoked === 0).map((row) => ({ ...entryOf(row), version: row.version })),
      gone: whole
        ? []
        : rows.filter(({ revoked }) => revoked === 1).map((row) => ({ id: row.id, version: row.version })),
    }
  }

  /** Written at most once a minute for each key, however many isolates tell of it. */
  note(uses: readonly ApiKeyUse[], nowMs: number): void {
    for (const { id, atMs } of uses.slice(0, LIMITS.apiKeyUsesMax)) {
      const usedAtMs = Math.min(atMs, nowMs)
      this.#sql.exec(
        "UPDATE api_keys SET used_at_ms = ? WHERE id = ? AND revoked = 0 AND (used_at_ms IS NULL OR used_at_ms <= ?)",
        ...[usedAtMs, id, usedAtMs - LIMITS.tokenUseMs],
      )
    }
  }

  #find(id: string): Row | undefined {
    const [row] = this.#sql.exec<Row>("SELECT * FROM api_keys WHERE id = ?", id)
    return row
  }

  #count(nowMs: number): number {
    const valid = "revoked = 0 AND (expires_at_ms IS NULL OR expires_at_ms > ?)"
    return this.#sql.exec<{ count: number }>(`SELECT COUNT(*) AS count FROM api_keys WHERE ${valid}`, nowMs).one().count
  }

  #list(): { version: number; forgotten: number } {
    return this.#sql.exec<{ version: number; forgotten: number }>("SELECT version, forgotten FROM api_key_list").one()
  }

  #nextVersion(): number {
    this.#sql.exec("UPDATE api_key_list SET version = version + 1")
    return this.#list().version
  }

  /** Who knows no more than what is forgotten is told the whole list. */
  #forgetOldest(): void {
    const [last] = this.#sql.exec<{ version: number }>(
      "SELECT version FROM api_keys WHERE revoked = 1 ORDER BY version DESC LIMIT 1 OFFSET ?",
      LIMITS.apiKeysMax,
    )
    if (!last) return
    this.#sql.exec("DELETE FROM api_keys WHERE revoked = 1 AND version <= ?", last.version)
    this.#sql.exec("UPDATE api_key_list SET forgotten = ?", last.version)
  }
}

function isOver({ expires_at_ms: expiresAtMs }: Row, nowMs: number): boolean {
  return expiresAtMs !== null && expiresAtMs <= nowMs
}

function entryOf({ id, hash, owner, scopes, expires_at_ms: expiresAtMs }: Row): ApiKeyEntry {
  return { id, hash, owner, scopes: JSON.parse(scopes) as string[], ...(expiresAtMs !== null && { expiresAtMs }) }
}

function infoOf(row: Row): ApiKeyInfo {
  const { hash: _hash, ...entry } = entryOf(row)
  return {
    ...entry,
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    ...(row.used_at_ms !== null && { lastUsedAtMs: row.used_at_ms }),
  }
}
