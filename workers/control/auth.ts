/** Who is asking, and what they may do. There is no default credential: without a token nothing but /healthz answers. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Rate } from "#shared/model/rate-limit.ts"
import type { Role, WhoAmI } from "#shared/protocol/control-api.ts"
import { TOKENS } from "#shared/protocol/tokens.ts"
import { Buckets } from "#shared/resilience/buckets.ts"
import type { ControlEnv } from "./env.ts"
import { problem } from "./problems.ts"
import { weaknessOf } from "./root-token.ts"
import type { Sender } from "./sender.ts"

/** The name of the token that is given by the environment and not kept by the `Tokens` object. */
export const ROOT = "root"
/** Who has no valid token, in the audit log. */
export const NOBODY = "nobody"
/** Names that no token may have. */
export const RESERVED: ReadonlySet<string> = new Set([ROOT, NOBODY, "guard", "key-ring"])

const RANK: Readonly<Record<Role, number>> = { metrics: 0, viewer: 1, operator: 2, admin: 3 }
const TOKEN = /^[\x21-\x7e]+$/

/** Wrong tokens that this isolate looks up for one network, before it says no without looking. */
const lookups = new Buckets(LIMITS.tokenAddressesMax)
const LOOKUPS = { requests: LIMITS.tokenLookupsPerSecond, perMs: 1_000, burst: 20 * LIMITS.tokenLookupsPerSecond }

/** Whether somebody of role `has` may do what takes role `needs`: each role includes those below it. */
export function allows(has: Role, needs: Role): boolean {
  return RANK[has] >= RANK[needs]
}

/** The caller, or a 401 or 429. Every failure gives the same answer: it does not say what was wrong with a token. */
export async function authenticate(request: Request, env: ControlEnv, { network }: Sender): Promise<WhoAmI | Response> {
  const token = presented(request.headers.get("authorization"))
  if (token === undefined) return unauthenticated(request, env)
  const hash = await sha256(token)
  // Not limited and asks no object: it is what ends an outage.
  if (await isRoot(hash, env)) return { name: ROOT, role: "admin" }
  const waitMs = lookups.waitMs(network, LOOKUPS, 1, Date.now())
  if (waitMs > 0) return tooMany("address", waitMs)
  const verdict = await env.TOKENS.getByName(TOKENS).verify({ hash, address: network, ...useOf(request, env) })
  if ("known" in verdict && verdict.known) return verdict.known
  if ("waitMs" in verdict && verdict.because === "token") return tooMany("token", verdict.waitMs)
  lookups.take(network, LOOKUPS, 1, Date.now())
  return "waitMs" in verdict ? tooMany("address", verdict.waitMs) : unauthenticated(request, env)
}

/** Lower-case hex SHA-256. */
export async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))
}

async function isRoot(hash: string, env: ControlEnv): Promise<boolean> {
  const root = rootOf(env)
  if (root === undefined || flawOf(root) !== undefined) return false
  // Two hashes are of one length, so that the comparison takes the same time wherever they differ.
  return timingSafeEqual(hash, await sha256(root))
}

/** Plain workerd gives null for what its environment does not have. */
function rootOf({ WEFT_ADMIN_TOKEN }: ControlEnv): string | undefined {
  return WEFT_ADMIN_TOKEN ?? undefined
}

let judged: { readonly root: string; readonly flaw: string | undefined } = { root: "", flaw: "it is empty" }

/** The secret is the same for as long as the isolate lives. */
function flawOf(root: string): string | undefined {
  if (judged.root !== root) judged = { root, flaw: weaknessOf(root) }
  return judged.flaw
}

/** What a request takes of its token's rate. Reading is cheap; what may write compiles the mesh. */
function useOf({ method }: Request, { WEFT_ADMIN_RATE: rate }: ControlEnv): { cost: number; rate?: Rate } {
  const cost = method === "GET" || method === "HEAD" ? 1 : LIMITS.tokenWriteCost
  if (rate === "off") return { cost }
  const requests = /^[1-9]\d{0,8}$/.test(rate ?? "") ? Number(rate) : LIMITS.tokenRequestsPerMinute
  return { cost, rate: { requests, perMs: 60_000, burst: Math.max(LIMITS.tokenWriteCost, Math.ceil(requests / 4)) } }
}

function tooMany(because: "token" | "address", waitMs: number): Response {
  const detail =
    because === "token" ? "This token makes too many requests." : "Too many wrong tokens came from this address."
  return problem(429, detail, { headers: { "retry-after": String(Math.ceil(waitMs / 1000)) } })
}

/** The token of a Bearer header, or the password of a Basic one (any user name), as a browser sends it. */
function presented(header: string | null): string | undefined {
  const [, scheme, value] = /^(bearer|basic) +(\S+)$/i.exec(header ?? "") ?? []
  if (scheme === undefined || value === undefined) return undefined
  const token = scheme.toLowerCase() === "bearer" ? value : password(value)
  if (token === undefined || token.length > LIMITS.tokenCharsMax || !TOKEN.test(token)) return undefined
  return token
}

function password(base64: string): string | undefined {
  if (base64.length > LIMITS.tokenCharsMax * 2) return undefined
  try {
    const pair = atob(base64)
    const colon = pair.indexOf(":")
    return colon === -1 ? undefined : pair.slice(colon + 1)
  } catch {
    return undefined
  }
}

function unauthenticated(request: Request, env: ControlEnv): Response {
  // Basic makes a browser ask for a password: wanted where a person opens a page, not where a script calls.
  const isPage = request.headers.get("accept")?.includes("text/html") === true
  const scheme = isPage ? 'Basic realm="weft", charset="UTF-8"' : 'Bearer realm="weft"'
  const root = rootOf(env)
  const flaw = root === undefined ? undefined : flawOf(root)
  if (flaw !== undefined) console.error(`WEFT_ADMIN_TOKEN is ignored: ${flaw}`)
  const detail =
    flaw === undefined
      ? "Send `Authorization: Bearer <token>`."
      : "The Worker's WEFT_ADMIN_TOKEN is ignored, because it is too weak; its log says why."
  return problem(401, detail, { headers: { "www-authenticate": scheme } })
}

function timingSafeEqual(a: string, b: string): boolean {
  const encoder = new TextEncoder()
  return crypto.subtle.timingSafeEqual(encoder.encode(a), encoder.encode(b))
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("")
}
