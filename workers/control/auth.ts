/** Who is asking, and what they may do. There is no default credential: without a token nothing but /healthz answers. */
import { LIMITS } from "#shared/model/limits.ts"
import type { Role, WhoAmI } from "#shared/protocol/control-api.ts"
import { TOKENS } from "#shared/protocol/tokens.ts"
import type { ControlEnv } from "./env.ts"
import { problem } from "./problems.ts"

/** The name of the token that is given by the environment and not kept by the `Tokens` object. */
export const ROOT = "root"

const RANK: Readonly<Record<Role, number>> = { metrics: 0, viewer: 1, operator: 2, admin: 3 }
const TOKEN = /^[\x21-\x7e]+$/

/** Whether somebody of role `has` may do what takes role `needs`: each role includes those below it. */
export function allows(has: Role, needs: Role): boolean {
  return RANK[has] >= RANK[needs]
}

/** The caller, or a 401. Every failure gives the same answer: it does not say what was wrong with a token. */
export async function authenticate(request: Request, env: ControlEnv): Promise<WhoAmI | Response> {
  const token = presented(request.headers.get("authorization"))
  const caller = token === undefined ? undefined : await identify(token, env)
  return caller ?? unauthenticated(request, env)
}

/** Lower-case hex SHA-256. */
export async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))
}

async function identify(token: string, env: ControlEnv): Promise<WhoAmI | undefined> {
  const hash = await sha256(token)
  const root = env.WEFT_ADMIN_TOKEN
  // Two hashes are of one length, so that the comparison takes the same time wherever they differ.
  if (isUsable(root) && timingSafeEqual(hash, await sha256(root))) return { name: ROOT, role: "admin" }
  return env.TOKENS.getByName(TOKENS).verify(hash)
}

function isUsable(root: string | undefined): root is string {
  return typeof root === "string" && root.length >= LIMITS.tokenCharsMin
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
  const tooShort = env.WEFT_ADMIN_TOKEN !== undefined && !isUsable(env.WEFT_ADMIN_TOKEN)
  if (tooShort) console.error(`WEFT_ADMIN_TOKEN is ignored: it has fewer than ${LIMITS.tokenCharsMin} characters`)
  const detail = tooShort
    ? `The Worker's WEFT_ADMIN_TOKEN is ignored: it must have at least ${LIMITS.tokenCharsMin} characters.`
    : "Send `Authorization: Bearer <token>`."
  return problem(401, detail, { headers: { "www-authenticate": scheme } })
}

function timingSafeEqual(a: string, b: string): boolean {
  const encoder = new TextEncoder()
  return crypto.subtle.timingSafeEqual(encoder.encode(a), encoder.encode(b))
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("")
}
