/**
 * Every way in which the mesh itself refuses a request: the closed table. A refusal is a value; it becomes HTTP in
 * `workers/proxy/respond.ts` only, always with a `weft-refusal` header, so that the mesh's 503 is never taken for the
 * upstream's. `retry` tells a caller whether trying again can help.
 */
import type { Header } from "./route.ts"

export const REFUSALS = {
  bad_request: { status: 400, retry: "never", title: "The request could not be brought into canonical form" },
  unauthenticated: { status: 401, retry: "never", title: "Who is asking could not be established" },
  forbidden: { status: 403, retry: "never", title: "The caller may not do this" },
  authorizer_unavailable: {
    status: 403,
    retry: "later",
    title: "Whether the caller may do this could not be asked",
  },
  route_not_found: { status: 404, retry: "never", title: "No route takes this request" },
  service_not_found: { status: 404, retry: "never", title: "No service has this name" },
  method_not_supported: { status: 405, retry: "never", title: "The mesh does not pass on this method" },
  request_timeout: { status: 408, retry: "never", title: "The request's body did not come in time" },
  body_too_large: { status: 413, retry: "never", title: "The request's body is larger than the route allows" },
  uri_too_long: { status: 414, retry: "never", title: "The path and query are longer than the mesh takes" },
  rate_limited: { status: 429, retry: "later", title: "The caller is over its limit" },
  headers_too_large: { status: 431, retry: "never", title: "The headers are more or larger than the mesh takes" },
  internal: { status: 500, retry: "never", title: "The mesh itself failed; this is a bug" },
  backend_invalid: { status: 500, retry: "never", title: "The route's backend cannot be used" },
  upstream_invalid: { status: 502, retry: "never", title: "The upstream's answer is not one of HTTP" },
  upstream_unreachable: { status: 503, retry: "elsewhere", title: "The upstream could not be reached" },
  fault_injected: { status: 503, retry: "never", title: "The route injects this failure on purpose" },
  keys_unavailable: {
    status: 503,
    retry: "later",
    title: "The keys that credentials are verified with cannot be had",
  },
  no_snapshot: { status: 503, retry: "later", title: "This proxy has not received its routes yet" },
  identity_unavailable: { status: 503, retry: "later", title: "The mesh cannot tell the upstream who calls" },
  no_healthy_endpoint: { status: 503, retry: "later", title: "The service has no endpoint that can take the request" },
  circuit_open: { status: 503, retry: "later", title: "The circuit breaker is open" },
  overloaded: { status: 503, retry: "later", title: "The mesh sheds this request to stay up" },
  upstream_timeout: {
    status: 504,
    retry: "elsewhere",
    title: "The upstream did not answer in the time of one attempt",
  },
  deadline_exceeded: { status: 504, retry: "never", title: "The request's time is over" },
  loop_detected: { status: 508, retry: "never", title: "The request has passed too many hops" },
} as const satisfies Record<string, { status: number; retry: "never" | "later" | "elsewhere"; title: string }>

export type RefusalName = keyof typeof REFUSALS

export interface Refusal {
  readonly refusal: RefusalName
  /** What was wrong with this request, for its sender: never secrets, policy names or an upstream's address. */
  readonly detail?: string
  /** Overrides the table's status: injected faults choose their own. */
  readonly status?: number
  /** What an authorizer has to say to who is refused. */
  readonly answer?: RefusalAnswer
  /** What the sender can bring along to be let in: `www-authenticate`. */
  readonly challenge?: string
  /** When trying again may help, as far as the mesh knows. */
  readonly retryAfterMs?: number
}

export interface RefusalAnswer {
  readonly headers: readonly Header[]
  /** Absent: the mesh's own words. */
  readonly body?: ArrayBuffer
}

export function refuse(refusal: RefusalName, detail?: string): Refusal {
  return detail === undefined ? { refusal } : { refusal, detail }
}

/** Whether an answer is the mesh's refusal and not an upstream's response. */
export function isRefusal(answer: object): answer is Refusal {
  return "refusal" in answer
}
