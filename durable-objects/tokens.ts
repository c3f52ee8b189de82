/**
 * The API tokens of a control Worker. Only hashes are kept: a token is looked up by the hash of what was presented, so
 * that the time it takes says nothing about how much of a guess was right.
 */
import { DurableObject } from "cloudflare:workers"
import { LIMITS } from "#shared/model/limits.ts"
import type { Permission, Role, TokenInfo } from "#shared/protocol/control-api.ts"
import type { Presented, TokenCreation, TokenRecord, TokensRpc, Verdict } from "#shared/protocol/tokens.ts"
import { Buckets } from "#shared/resilience/buckets.ts"
import { migrate } from "./migrations.ts"

const MIGRATIONS = [
  `CREATE TABLE tokens (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER, used_at_ms INTEGER
  )`,
  // NULL: the whole mesh. Else a JSON list.
  `ALTER TABLE tokens ADD COLUMN namespaces TEXT`,
  `ALTER TABLE tokens ADD COLUMN created_by TEXT`,
]

/** Wrong tokens from one address. */
const FAILURES = { requests: LIMITS.tokenFailuresPerMinute, perMs: 60_000, burst: LIMITS.tokenFailuresPerMinute }

type TokenRow = {
  name: string
  role: Role
  created_at_ms: number
  expires_at_ms: number | null
  used_at_ms: number | null
  namespaces: string | null
  created_by: string | null
}

const COLUMNS = "name, role, created_at_ms, expires_at_ms, used_at_ms, namespaces, created_by"

export class TokensObject extends DurableObject<unknown> implements TokensRpc {
  readonly #sql = this.ctx.storage.sql
  /** In memory only: an object that sits idle long enough to be evicted has full buckets anyway, or as good as. */
  readonly #requests = new Buckets(LIMITS.tokensMax)
  readonly #failures = new Buckets(LIMITS.tokenAddressesMax)

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
        `INSERT INTO tokens (name, role, hash, created_at_ms, expires_at_ms, namespaces, created_by)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        ...[record.name, record.role, record.hash, nowMs, record.expiresAtMs ?? null],
        ...[record.namespaces ? JSON.stringify(record.namespaces) : null, record.createdBy],
      )
      return { outcome: "created", token: infoOf(this.#find("name", record.name)!) }
    })
  }

  async verify({ hash, address, cost, rate }: Presented): Promise<Verdict> {
    const nowMs = Date.now()
    const row = this.#find("hash", hash)
    if (!row || (row.expires_at_ms !== null && row.expires_at_ms <= nowMs)) {
      const waitMs = this.#failures.take(address, FAILURES, 1, nowMs)
      return waitMs > 0 ? { waitMs, because: "address" } : { known: undefined }
    }
    const waitMs = rate ? this.#requests.take(row.name, rate, Math.min(cost, rate.burst), nowMs) : 0
    if (waitMs > 0) return { waitMs, because: "token" }
    if (row.used_at_ms === null || nowMs - row.used_at_ms >= LIMITS.tokenUseMs) {
      this.#sql.exec("UPDATE tokens SET used_at_ms = ? WHERE name = ?", nowMs, row.name)
    }
    return { known: { name: row.name, ...permissionOf(row), ...expiryOf(row) } }
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
    ...permissionOf(row),
    createdAtMs: row.created_at_ms,
    ...(row.created_by !== null && { createdBy: row.created_by }),
    ...expiryOf(row),
    ...(row.used_at_ms !== null && { lastUsedAtMs: row.used_at_ms }),
  }
}

function permissionOf({ role, namespaces }: TokenRow): Permission {
  return { role, ...(namespaces !== null && { namespaces: JSON.parse(namespaces) as string[] }) }
}

function expiryOf({ expires_at_ms: expiresAtMs }: TokenRow): { expiresAtMs?: number } {
  return expiresAtMs === null ? {} : { expiresAtMs }
}
