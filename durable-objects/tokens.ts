/**
 * The API tokens of a control Worker. Only hashes are kept: a token is looked up by the hash of what was presented, so
 * that the time it takes says nothing about how much of a guess was right.
 */
import { DurableObject } from "cloudflare:workers"
import { LIMITS } from "#shared/model/limits.ts"
import type { Role, TokenInfo, WhoAmI } from "#shared/protocol/control-api.ts"
import type { TokenCreation, TokenRecord, TokensRpc } from "#shared/protocol/tokens.ts"
import { migrate } from "./migrations.ts"

const MIGRATIONS = [
  `CREATE TABLE tokens (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER, used_at_ms INTEGER
  )`,
]

type TokenRow = {
  name: string
  role: Role
  created_at_ms: number
  expires_at_ms: number | null
  used_at_ms: number | null
}

const COLUMNS = "name, role, created_at_ms, expires_at_ms, used_at_ms"

export class TokensObject extends DurableObject<unknown> implements TokensRpc {
  readonly #sql = this.ctx.storage.sql

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env)
    migrate(ctx.storage, MIGRATIONS)
  }

  async create(record: TokenRecord): Promise<TokenCreation> {
    const nowMs = Date.now()
    return this.ctx.storage.transactionSync((): TokenCreation => {
      // An expired token's name is free again.
      this.#sql.exec("DELETE FROM tokens WHERE name = ? AND expires_at_ms <= ?", record.name, nowMs)
      if (this.#find("name", record.name)) return { outcome: "exists" }
      const count = this.#sql.exec<{ count: number }>("SELECT COUNT(*) AS count FROM tokens").one().count
      if (count >= LIMITS.tokensMax) return { outcome: "full" }
      this.#sql.exec(
        "INSERT INTO tokens (name, role, hash, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?, ?)",
        ...[record.name, record.role, record.hash, nowMs, record.expiresAtMs ?? null],
      )
      return { outcome: "created", token: infoOf(this.#find("name", record.name)!) }
    })
  }

  async verify(hash: string): Promise<WhoAmI | undefined> {
    const nowMs = Date.now()
    const row = this.#find("hash", hash)
    if (!row || (row.expires_at_ms !== null && row.expires_at_ms <= nowMs)) return undefined
    if (row.used_at_ms === null || nowMs - row.used_at_ms >= LIMITS.tokenUseMs) {
      this.#sql.exec("UPDATE tokens SET used_at_ms = ? WHERE name = ?", nowMs, row.name)
    }
    return { name: row.name, role: row.role }
  }

  async list(): Promise<readonly TokenInfo[]> {
    return [...this.#sql.exec<TokenRow>(`SELECT ${COLUMNS} FROM tokens ORDER BY name`)].map(infoOf)
  }

  async revoke(name: string): Promise<boolean> {
    return this.#sql.exec("DELETE FROM tokens WHERE name = ?", name).rowsWritten > 0
  }

  #find(column: "name" | "hash", value: string): TokenRow | undefined {
    const [row] = this.#sql.exec<TokenRow>(`SELECT ${COLUMNS} FROM tokens WHERE ${column} = ?`, value)
    return row
  }
}

function infoOf(row: TokenRow): TokenInfo {
  return {
    name: row.name,
    role: row.role,
    createdAtMs: row.created_at_ms,
    ...(row.expires_at_ms !== null && { expiresAtMs: row.expires_at_ms }),
    ...(row.used_at_ms !== null && { lastUsedAtMs: row.used_at_ms }),
  }
}
