/** An endpoint of the control API as a value: what it takes, who may call it, what it answers. One table holds them all. */
import type { z } from "@hono/zod-openapi"
import type { Role, WhoAmI } from "#shared/protocol/control-api.ts"
import type { ControlEnv } from "./env.ts"

export type Method = "GET" | "POST" | "DELETE"

/** The headings of the reference, in its order. */
export const GROUPS = ["Changes", "History", "Mesh", "Alerts", "Tokens", "API keys", "Audit", "This API"] as const
export type Group = (typeof GROUPS)[number]

/** A request body: its shape, the most bytes that are read of it, and an example for the reference. */
export interface Body<T> {
  readonly schema: z.ZodType
  readonly bytesMax: number
  readonly example: T
}

/** A request that was let in: everything is parsed, nothing is left to be read from the raw request. */
export interface Call<Params, Query, Input> {
  readonly env: ControlEnv
  readonly caller: WhoAmI
  readonly params: Params
  readonly query: Query
  readonly body: Input
  /** The body as it came, for the idempotency key; empty without one. */
  readonly text: string
  readonly request: Request
  /** What the audit log is told of this call, beyond who called what. Handlers fill it in. */
  readonly audit: AuditNote
  /** The call's entry in the audit log, when it has one. */
  readonly entry?: number
}

export interface AuditNote {
  /** What it was done to, in a closed set of words and names that were checked: never what somebody wrote. */
  target?: string
  /** The head afterwards. */
  revision?: number
  /** There was nothing to do. */
  idle?: true
  /** How much of what was sent through the mesh the answer shows. */
  shown?: number
  /** It goes on after the answer: somebody else completes the entry. */
  lasts?: true
}

export interface Endpoint<Params = unknown, Query = unknown, Input = unknown> {
  readonly method: Method
  /** With `{name}` for a parameter, as OpenAPI writes it. */
  readonly path: string
  /** The least role that may call it; `open` needs no token. */
  readonly role: Role | "open"
  /**
   * A token that is limited to namespaces may call it, and the handler keeps to `call.caller.namespaces`. Absent: such a token is
   * refused, because nobody has thought about what it may see or do here.
   */
  readonly namespaced?: true
  readonly group: Group
  readonly summary: string
  readonly description?: string
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: Body<Input>
  /** Whether the endpoint writes and so takes `If-Match` and `Idempotency-Key`. */
  readonly changesMesh?: true
  /** It changes nothing, although it is no GET: it is not written into the audit log. */
  readonly reads?: true
  /** It shows what people sent through the mesh: then the audit log knows of it, as of a write. */
  readonly shows?: (call: Pick<Call<Params, Query, Input>, "request">) => boolean
  /** What a write is done to, for the audit log, as far as the request says it. */
  readonly target?: (call: Pick<Call<Params, Query, Input>, "params" | "query" | "body">) => string
  /** It is done even when the audit log cannot be reached: what ends an outage must not need everything to be up. */
  readonly evenUnrecorded?: true
  readonly answers: Answers
  readonly handle: (call: Call<Params, Query, Input>) => Response | Promise<Response>
}

export interface Answers {
  readonly status: 200 | 201 | 204
  readonly description: string
  readonly schema?: z.ZodType
  /** Of the success; `application/json` when absent. */
  readonly contentType?: string
  /** The problems that this endpoint can answer with, beyond those that all have. */
  readonly problems?: readonly (404 | 409 | 412 | 422 | 428)[]
}

/**
 * Forgets an endpoint's own types, so that one table can hold all. Sound, because the handler is only called with what
 * came out of this endpoint's own schemas.
 */
export function endpoint<Params = object, Query = object, Input = undefined>(
  endpoint: Endpoint<Params, Query, Input>,
): Endpoint {
  return endpoint as unknown as Endpoint
}

/** A JSON answer. `head` becomes the ETag where the answer depends on the head revision. */
export function reply<T>(value: T, options: { head?: number; status?: 200 | 201 } = {}): Response {
  const headers: Record<string, string> = { "content-type": "application/json" }
  if (options.head !== undefined) headers.etag = `"${options.head}"`
  return new Response(JSON.stringify(value), { status: options.status ?? 200, headers })
}
