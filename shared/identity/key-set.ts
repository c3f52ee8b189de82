/**
 * The public keys of an issuer (RFC 7517), and which of them a token is to be verified with. A key is chosen by its id, by what
 * it is for and by what it can do; the token's own word never makes a key fit.
 */
import type { PublicJwk } from "#shared/model/authentication.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import type { CredentialFault } from "./credential-fault.ts"

export interface VerifyKey {
  readonly jwk: PublicJwk
  /** The same for the same key, whenever it was read. */
  readonly identity: string
}

export interface KeySet {
  readonly keys: readonly VerifyKey[]
  readonly byId: ReadonlyMap<string, readonly VerifyKey[]>
}

const BASE64URL = /^[A-Za-z0-9_-]+$/
/** Characters of a coordinate, by curve. */
const COORDINATES: Readonly<Record<string, number>> = { "P-256": 43, "P-384": 64, "P-521": 88, Ed25519: 43 }
const CURVE_OF: Readonly<Record<string, string>> = {
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
  EdDSA: "Ed25519",
  Ed25519: "Ed25519",
}

/**
 * From what an issuer publishes, or why it is none. Keys that nothing could be verified with, such as those for encryption, are
 * passed over, and so are those whose private half was published with them, by which anybody can sign. `known` keys stay the same objects.
 */
export function readKeySet(value: unknown, known?: KeySet): KeySet | { readonly reason: string } {
  const published = typeof value === "object" && value !== null ? (value as { keys?: unknown }).keys : undefined
  if (!Array.isArray(published)) return { reason: "it is no set of keys" }
  if (published.length > LIMITS.jwksKeysMax) return { reason: `it has more than ${LIMITS.jwksKeysMax} keys` }
  const before = new Map(known?.keys.map((key) => [key.identity, key]))
  const keys = new Map<string, VerifyKey>()
  for (const one of published) {
    const jwk = publicHalf(one)
    if (!jwk || !isForSignatures(jwk) || isGivenAway(one)) continue
    const identity = canonicalJson(jwk)
    keys.set(identity, before.get(identity) ?? { jwk, identity })
  }
  const byId = new Map<string, VerifyKey[]>()
  for (const key of keys.values()) {
    if (key.jwk.kid !== undefined) byId.set(key.jwk.kid, [...(byId.get(key.jwk.kid) ?? []), key])
  }
  return { keys: [...keys.values()], byId }
}

/** The one key that the token can have been signed with. */
export function chooseKey(
  { keys, byId }: KeySet,
  keyId: string | undefined,
  algorithm: string,
): VerifyKey | Extract<CredentialFault, "unknown_key" | "ambiguous_key"> {
  const named = keyId === undefined ? keys : (byId.get(keyId) ?? [])
  const fitting = named.filter(({ jwk }) => fits(jwk, algorithm))
  if (fitting.length > 1) return "ambiguous_key"
  return fitting[0] ?? "unknown_key"
}

/** Whether signatures of the algorithm can be made with a key of this kind. */
export function fits(jwk: PublicJwk, algorithm: string): boolean {
  if (jwk.alg !== undefined && jwk.alg !== algorithm && !isEdwards(jwk.alg, algorithm)) return false
  const curve = CURVE_OF[algorithm]
  if (curve !== undefined) return jwk.crv === curve && jwk.kty === (curve === "Ed25519" ? "OKP" : "EC")
  return /^(RS|PS)(256|384|512)$/.test(algorithm) && jwk.kty === "RSA"
}

/** Two names of one algorithm (RFC 9864). */
function isEdwards(...names: readonly string[]): boolean {
  return names.every((name) => CURVE_OF[name] === "Ed25519")
}

function isForSignatures({ use, key_ops: operations }: PublicJwk): boolean {
  return (use === undefined || use === "sig") && (operations === undefined || operations.includes("verify"))
}

/** Members of private keys, and of shared secrets (RFC 7518, 6.2.2, 6.3.2, 6.4). */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

function isGivenAway(jwk: object): boolean {
  return PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))
}

/** Undefined for what is no public key of a kind that can sign. */
function publicHalf(value: unknown): PublicJwk | undefined {
  if (typeof value !== "object" || value === null) return undefined
  const { kty, kid, alg, use, key_ops, crv, n, e, x, y } = value as Record<string, unknown>
  const optional = { kid, alg, use }
  if (Object.values(optional).some((member) => member !== undefined && typeof member !== "string")) return undefined
  if (typeof kid === "string" && kid.length > LIMITS.keyIdCharsMax) return undefined
  const lists = key_ops === undefined || (Array.isArray(key_ops) && key_ops.every((one) => typeof one === "string"))
  if (!lists) return undefined
  const labels = withoutAbsent({ ...optional, key_ops })
  if (kty === "RSA") {
    return isModulus(n) && isBase64url(e) && e.length <= 8 ? ({ kty, n, e, ...labels } as PublicJwk) : undefined
  }
  if (typeof crv !== "string" || !Object.hasOwn(COORDINATES, crv)) return undefined
  const isCoordinate = (member: unknown) => isBase64url(member) && member.length === COORDINATES[crv]
  if (kty === "EC" && crv !== "Ed25519") {
    return isCoordinate(x) && isCoordinate(y) ? ({ kty, crv, x, y, ...labels } as PublicJwk) : undefined
  }
  if (kty === "OKP" && crv === "Ed25519") return isCoordinate(x) ? ({ kty, crv, x, ...labels } as PublicJwk) : undefined
  return undefined
}

function isModulus(n: unknown): n is string {
  if (!isBase64url(n)) return false
  const bits = Math.floor((n.length * 6) / 8) * 8
  return bits >= LIMITS.rsaBitsMin && bits <= LIMITS.rsaBitsMax
}

function isBase64url(value: unknown): value is string {
  return typeof value === "string" && BASE64URL.test(value)
}

function withoutAbsent(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, member]) => member !== undefined))
}
