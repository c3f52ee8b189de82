/**
 * The mesh's signing keys. They are made in here and leave it as public keys only; whoever may say who calls asks for a token. Keys change
 * by themselves (`shared/identity/key-ring.ts`), at an alarm; one that fires late makes nothing wrong.
 */
import { DurableObject } from "cloudflare:workers"
import { due, phaseOf, type RingTimes, signer } from "#shared/identity/key-ring.ts"
import { base64url, isTrustDomain, isWorkload, signingInput, svidClaims } from "#shared/identity/svid.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { IssueCall, Issued, KeyRingRpc, KeySet, KeyStatus, PublicKey } from "#shared/protocol/key-ring.ts"
import { DEEDS_SCHEMA, Deeds, type DeedsEnv } from "./deeds.ts"
import { migrate } from "./migrations.ts"

const MIGRATIONS = [
  "CREATE TABLE keys (kid TEXT PRIMARY KEY, created_at_ms INTEGER NOT NULL, private_jwk TEXT NOT NULL, public_jwk TEXT NOT NULL)",
  DEEDS_SCHEMA,
]

const TIMES: RingTimes = {
  rotateMs: LIMITS.signingKeyRotateMs,
  aheadMs: LIMITS.signingKeyAheadMs,
  tokenMs: LIMITS.svidLifeMs + 2 * LIMITS.svidSkewMs,
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const

export interface KeyRingEnv extends DeedsEnv {
  /** The mesh's name in SPIFFE ids. Absent: `weft`. */
  readonly WEFT_TRUST_DOMAIN?: string
  /** The https URL of control, as upstreams reach it: `iss` of tokens. Absent: they have none. */
  readonly WEFT_ISSUER?: string
}

interface Key {
  readonly kid: string
  readonly createdAtMs: number
}

type KeyRow = { kid: string; created_at_ms: number; private_jwk: string; public_jwk: string }

export class KeyRingObject extends DurableObject<KeyRingEnv> implements KeyRingRpc {
  readonly #sql = this.ctx.storage.sql
  /** Keys that are ready to sign; storage has the last word on which there are. */
  readonly #ready = new Map<string, CryptoKey>()
  readonly #deeds = new Deeds(this.#sql, this.env)
  #tending: Promise<void> | undefined

  constructor(ctx: DurableObjectState, env: KeyRingEnv) {
    super(ctx, env)
    migrate(ctx.storage, MIGRATIONS)
  }

  async issue({ workload, audience }: IssueCall): Promise<Issued | undefined> {
    if (!isWorkload(workload) || audience === "" || audience.length > LIMITS.audienceCharsMax) return undefined
    const kid = await this.#signer()
    const claims = svidClaims(meshOf(this.env), workload, audience, Date.now(), LIMITS.svidLifeMs)
    const input = signingInput(kid, claims)
    const signature = await crypto.subtle.sign(SIGNING, await this.#privateKey(kid), new TextEncoder().encode(input))
    return { token: `${input}.${base64url(new Uint8Array(signature))}`, expiresAtMs: claims.exp * 1000 }
  }

  async keySet(): Promise<KeySet> {
    await this.#signer()
    const rows = this.#sql.exec<Pick<KeyRow, "public_jwk">>("SELECT public_jwk FROM keys ORDER BY created_at_ms, kid")
    return { keys: [...rows].map(({ public_jwk }) => JSON.parse(public_jwk) as PublicKey) }
  }

  async keys(): Promise<readonly KeyStatus[]> {
    const keys = this.#keys()
    return keys.map((key) => ({ ...key, phase: phaseOf(key, keys, TIMES, Date.now()) }))
  }

  async rotate(revoke: string | undefined): Promise<boolean> {
    const keys = this.#keys()
    if (revoke !== undefined && !keys.some(({ kid }) => kid === revoke)) return false
    if (keys.length >= LIMITS.signingKeysMax && revoke === undefined) return false
    // What is revoked goes with the step that brings another: at no time is there none.
    await this.#make({ revoked: revoke })
    await this.#tend()
    return true
  }

  override async alarm(): Promise<void> {
    await this.#tend()
    await this.#deeds.run(Date.now())
    await this.#sleep()
  }

  /** The key that signs now. A ring without keys gets its first one, once, however many ask. */
  async #signer(): Promise<string> {
    const found = signer(this.#keys(), TIMES, Date.now())
    if (found) return found.kid
    this.#tending ??= this.#tend().finally(() => {
      this.#tending = undefined
    })
    await this.#tending
    return signer(this.#keys(), TIMES, Date.now())!.kid
  }

  async #tend(): Promise<void> {
    const isFirst = this.#keys().length === 0
    if (due(this.#keys(), TIMES, Date.now()).make) await this.#make({ because: isFirst ? "first_use" : "age" })
    const { drop } = due(this.#keys(), TIMES, Date.now())
    this.ctx.storage.transactionSync(() => {
      for (const kid of drop) {
        this.#forget(kid)
        this.#did("retire", kid, "age")
      }
    })
    await this.#sleep()
  }

  /** Until keys have to change, or the audit log is to be told of what did. */
  async #sleep(): Promise<void> {
    const { nextAtMs } = due(this.#keys(), TIMES, Date.now())
    const { dueMs = nextAtMs } = this.#deeds
    await this.ctx.storage.setAlarm(Math.min(nextAtMs, dueMs))
  }

  #did(operation: "rotate" | "retire", kid: string, reason: string): void {
    const target = `key ${kid}`
    this.#deeds.add({ id: `${operation}-${kid}`, who: "key-ring", operation, target, reason, atMs: Date.now() })
  }

  /** `because`: nobody asked for it. */
  async #make({ revoked, because }: { revoked?: string | undefined; because?: string }): Promise<void> {
    const pair = (await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as CryptoKeyPair
    const kid = base64url(crypto.getRandomValues(new Uint8Array(12)))
    const [secret, open] = (await Promise.all([
      crypto.subtle.exportKey("jwk", pair.privateKey),
      crypto.subtle.exportKey("jwk", pair.publicKey),
    ])) as [JsonWebKey, JsonWebKey]
    const published = {
      kty: "EC",
      crv: "P-256",
      x: open.x!,
      y: open.y!,
      kid,
      alg: "ES256",
      use: "sig",
    } satisfies PublicKey
    this.ctx.storage.transactionSync(() => {
      if (revoked !== undefined) this.#forget(revoked)
      const values = [kid, Date.now(), JSON.stringify(secret), JSON.stringify(published)]
      this.#sql.exec("INSERT INTO keys (kid, created_at_ms, private_jwk, public_jwk) VALUES (?, ?, ?, ?)", ...values)
      if (because !== undefined) this.#did("rotate", kid, because)
    })
    this.#ready.set(kid, pair.privateKey)
  }

  async #privateKey(kid: string): Promise<CryptoKey> {
    const ready = this.#ready.get(kid)
    if (ready) return ready
    const { private_jwk } = this.#sql.exec<KeyRow>("SELECT private_jwk FROM keys WHERE kid = ?", kid).one()
    const key = await crypto.subtle.importKey("jwk", JSON.parse(private_jwk) as JsonWebKey, ALGORITHM, false, ["sign"])
    this.#ready.set(kid, key)
    return key
  }

  #keys(): Key[] {
    const rows = this.#sql.exec<Pick<KeyRow, "kid" | "created_at_ms">>("SELECT kid, created_at_ms FROM keys")
    return [...rows].map(({ kid, created_at_ms }) => ({ kid, createdAtMs: created_at_ms }))
  }

  #forget(kid: string): void {
    this.#sql.exec("DELETE FROM keys WHERE kid = ?", kid)
    this.#ready.delete(kid)
  }
}

const TRUST_DOMAIN = "weft"

function meshOf({ WEFT_TRUST_DOMAIN, WEFT_ISSUER }: KeyRingEnv) {
  const trustDomain =
    WEFT_TRUST_DOMAIN !== undefined && isTrustDomain(WEFT_TRUST_DOMAIN) ? WEFT_TRUST_DOMAIN : TRUST_DOMAIN
  return { trustDomain, issuer: issuerOf(WEFT_ISSUER) }
}

/** An issuer is an https URL without query and fragment, to the letter (OpenID Connect Discovery). */
export function issuerOf(variable: string | undefined): string | undefined {
  return variable !== undefined && /^https:\/\/[^?#\s]+$/.test(variable) ? variable.replace(/\/$/, "") : undefined
}
