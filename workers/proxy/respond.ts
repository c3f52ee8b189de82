/** The only place where a refusal becomes HTTP, or an error that crosses RPC. */
import { REFUSALS, type Refusal } from "#shared/model/refusal.ts"
import { HEADER } from "#shared/protocol/headers.ts"

/** RFC 9457 problem details, marked by `weft-refusal` so that nobody takes it for the upstream's answer. */
export function respond({ refusal, detail, status, answer, challenge, retryAfterMs = 1_000 }: Refusal): Response {
  const row = REFUSALS[refusal]
  const code = status ?? row.status
  const body = { type: `about:blank#${refusal}`, title: row.title, status: code, detail, refusal, retry: row.retry }
  const response = new Response(bodyFor(code, answer?.body ?? `${JSON.stringify(body)}\n`), {
    status: code,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      [HEADER.refusal]: refusal,
      ...(challenge !== undefined && { "www-authenticate": challenge }),
      ...(row.retry === "later" ? { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) } : {}),
    },
  })
  // A cookie is one of several headers of its name; everything else is in the place of what the mesh would say.
  for (const { name, value } of answer?.headers ?? []) {
    if (name === "set-cookie") response.headers.append(name, value)
    else response.headers.set(name, value)
  }
  return response
}

/** HTTP gives these statuses no body, and the runtime throws where one is given. */
const BODILESS = new Set([204, 205, 304])

/** The body that an answer of the mesh's own can have. */
export function bodyFor<T extends string | ArrayBuffer>(status: number, body: T): T | null {
  return body === "" || BODILESS.has(status) ? null : body
}

/**
 * What an RPC caller catches when the mesh refuses its call. The own properties cross RPC; `retryable` is the platform's word
 * for "trying again may help".
 */
export class WeftRefusal extends Error {
  readonly refusal: string
  readonly status: number
  readonly retryable: boolean
  /** Until trying again can help, where the mesh knows. */
  readonly retryAfterMs: number | undefined

  constructor({ refusal, detail, status, retryAfterMs }: Refusal) {
    const row = REFUSALS[refusal]
    super(`weft refused the call: ${refusal}: ${detail ?? row.title}`)
    this.name = "WeftRefusal"
    this.refusal = refusal
    this.status = status ?? row.status
    this.retryable = row.retry !== "never"
    this.retryAfterMs = retryAfterMs
  }
}
