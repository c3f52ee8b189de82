/** What holds for every answer of the control API, whatever was asked. */
import type { FuzzRequest } from "./requests.ts"

export interface FuzzAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

const HEADERS: Readonly<Record<string, RegExp>> = {
  "content-security-policy": /frame-ancestors 'none'/,
  "cross-origin-resource-policy": /^same-origin$/,
  "referrer-policy": /^no-referrer$/,
  "weft-request-id": /^[0-9a-f-]{36}$/,
  "x-content-type-options": /^nosniff$/,
  "x-frame-options": /^DENY$/,
}

/** Whatever is wrong with an answer. `secrets` are texts that none may hold, unless the request itself brought them. */
export function faultsOf(request: FuzzRequest, answer: FuzzAnswer, secrets: readonly string[]): string[] {
  const { status, headers, body } = answer
  const header = (name: string) => headers.get(name) ?? ""
  const faults = Object.entries(HEADERS).flatMap(([name, form]) =>
    form.test(header(name)) ? [] : [`${name} is "${header(name)}"`],
  )
  // Public keys may be kept; nothing else may, that a target with `..` leads to included.
  const path = URL.parse(`https://control.example${request.target}`)?.pathname
  const isPublic = path?.startsWith("/.well-known/") && status === 200
  if (!(isPublic ? /^public, max-age=\d+/ : /^no-store$/).test(header("cache-control"))) faults.push("it may be kept")
  if (status >= 500) faults.push(`it failed with ${status}`)
  if (status >= 300 && status < 400) faults.push(`it leads elsewhere with ${status}`)
  if (headers.has("access-control-allow-origin")) faults.push("other origins may read it")
  if (headers.has("set-cookie")) faults.push("it sets a cookie")
  if (status === 405 && header("allow") === "") faults.push("it does not say which methods are allowed")
  if (status === 401 && !/^(Bearer|Basic) realm=/.test(header("www-authenticate")))
    faults.push("it does not ask for a token")
  if ((status === 429 || status === 503) && !/^\d+$/.test(header("retry-after")))
    faults.push("it does not say when to come again")
  if (/\n\s+at \S.*:\d+:\d+/.test(body)) faults.push("it has a stack in it")
  for (const secret of secrets) if (body.includes(secret)) faults.push("it has a secret in it")
  return [...faults, ...problemFaults(request, answer)]
}

/** Refusals are problems as in RFC 9457, and nothing else. */
function problemFaults({ method }: FuzzRequest, { status, headers, body }: FuzzAnswer): string[] {
  if (status < 400) return []
  const type = headers.get("content-type")
  if (type !== "application/problem+json") return [`a refusal of type ${type}`]
  if (method === "HEAD") return []
  try {
    const problem = JSON.parse(body) as { type?: unknown; title?: unknown; status?: unknown }
    const whole = typeof problem.type === "string" && typeof problem.title === "string" && problem.status === status
    return whole ? [] : ["a problem without its parts"]
  } catch {
    return ["a refusal that is not JSON"]
  }
}
