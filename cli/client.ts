/** The control API as functions. Whatever goes wrong is a `Failure` that says what to do about it. */
import { randomUUID } from "node:crypto"
import type { TapMessage } from "#shared/model/tap.ts"
import type { Acknowledged, AlertList, NewAcknowledgement, NewSilence, Silence } from "#shared/protocol/alerts.ts"
import type { ApiKeyCreated, ApiKeyList, NewApiKey } from "#shared/protocol/api-keys.ts"
import type { BreakerStatus } from "#shared/protocol/breaker.ts"
import type {
  Applied,
  ApplyRequest,
  AuditList,
  BreakerList,
  EndRollout,
  ForceBreaker,
  NewToken,
  Plan,
  ResourceList,
  RevisionDetail,
  RevisionList,
  RollbackRequest,
  RolloutView,
  SigningKeyList,
  Stats,
  Status,
  TokenCreated,
  TokenList,
} from "#shared/protocol/control-api.ts"
import type { RevisionConvergence } from "#shared/protocol/convergence.ts"
import type { Explained, ExplainRequest } from "#shared/protocol/explain.ts"
import type { Preview } from "#shared/protocol/preview.ts"
import type { Vitals } from "#shared/protocol/vitals.ts"
import type { Trace } from "#shared/telemetry/recorded.ts"
import { EXIT, type Failure, failed } from "./command.ts"
import { type Connection, type ConnectOptions, connect } from "./connection.ts"
import type { Io } from "./io.ts"
import { refusal } from "./refused.ts"
import type { StatsQuery } from "./stats-query.ts"
import { watchTap } from "./watching.ts"

/** A compile of the largest mesh stays far below this. */
const TIMEOUT_MS = 30_000
/** How often, and how long at most, a request waits until its token may make it. */
const WAITS_MAX = 3
const RETRY_AFTER_MS_MAX = 60_000

type Answer<T> = Promise<T | Failure>

type Query = { readonly [name: string]: string | number | undefined }

interface Sending {
  readonly method?: "GET" | "POST" | "DELETE"
  readonly query?: Query
  readonly body?: unknown
  /** The write is given a key, so that sending it again cannot do it twice. */
  readonly keyed?: boolean
  /** Only when the head is still this revision. */
  readonly ifHead?: number
  /** The word of the answer that asked for it. */
  readonly confirm?: string | undefined
}

/** As the API has them. */
export type AuditParameters = {
  readonly before?: number
  readonly limit?: number
  readonly who?: string
  readonly operation?: string
  readonly outcome?: string
  readonly since?: number
}

export type Client = ReturnType<typeof clientOf>

/** A client for the control that the call's options and environment name; if they name none, that is its every answer. */
export function clientFor(call: { io: Io; options: ConnectOptions }): Client {
  return clientOf(connect(call.io, call.options), call.io)
}

function clientOf(connection: Connection | Failure, io: Pick<Io, "sleep">) {
  const ask = async <T>(path: string, sending: Sending = {}): Answer<T> =>
    failed(connection) ? connection : send<T>(connection, io, path, sending)
  return {
    preview: (body: ApplyRequest) => ask<Preview>("/v1/preview", { method: "POST", body }),
    plan: (body: ApplyRequest) => ask<Plan>("/v1/plan", { method: "POST", body }),
    apply: (body: ApplyRequest, confirm?: string) =>
      ask<Applied>("/v1/apply", { method: "POST", body, keyed: true, confirm }),
    rollback: (body: RollbackRequest, ifHead: number | undefined, confirm?: string) =>
      ask<Applied>("/v1/rollback", {
        method: "POST",
        body,
        keyed: true,
        ...(ifHead !== undefined && { ifHead }),
        confirm,
      }),
    revisions: (query: { before?: number; limit: number }) => ask<RevisionList>("/v1/revisions", { query }),
    revision: (revision: number | "head") => ask<RevisionDetail>(`/v1/revisions/${revision}`),
    rollout: () => ask<RolloutView>("/v1/rollout"),
    endRollout: (body: EndRollout) => ask<RolloutView>("/v1/rollout", { method: "POST", body }),
    convergence: (revision: number) => ask<RevisionConvergence>(`/v1/revisions/${revision}/convergence`),
    diff: (from: number, to: number) => ask<Plan>("/v1/diff", { query: { from, to } }),
    resources: (query: { kind?: string; namespace?: string; name?: string; revision?: number }) =>
      ask<ResourceList>("/v1/resources", { query }),
    remove: (kind: string, namespace: string, name: string, confirm?: string) =>
      ask<Applied>(`/v1/resources/${[kind, namespace, name].map(encodeURIComponent).join("/")}`, {
        method: "DELETE",
        keyed: true,
        confirm,
      }),
    audit: (query: AuditParameters) => ask<AuditList>("/v1/audit", { query }),
    status: () => ask<Status>("/v1/status"),
    probeTicket: () => ask<{ ticket: string }>("/v1/probe-ticket", { method: "POST" }),
    stats: ({ by, window, points, from, to }: StatsQuery) =>
      ask<Stats>("/v1/stats", { query: { by, window, points, from, to } }),
    trace: (id: string) => ask<Trace>(`/v1/traces/${id}`),
    tap: async (query: Query, show: (message: TapMessage) => boolean, stop: Promise<void>) => {
      if (failed(connection)) return connection
      // A socket that is refused does not say why: the same request without one does.
      const refused = await ask("/v1/tap", { query })
      if (failed(refused)) return refused
      return watchTap(connection, searchOf(query), show, stop)
    },
    explain: (body: ExplainRequest) => ask<Explained>("/v1/explain", { method: "POST", body }),
    signingKeys: () => ask<SigningKeyList>("/v1/identity/keys"),
    rotateKeys: (revoke: string | undefined) =>
      ask<SigningKeyList>("/v1/identity/rotate", { method: "POST", body: revoke === undefined ? {} : { revoke } }),
    vitals: () => ask<Vitals>("/v1/vitals"),
    alerts: () => ask<AlertList>("/v1/alerts"),
    silence: (body: NewSilence) => ask<Silence>("/v1/alerts/silences", { method: "POST", body }),
    unsilence: (id: string) => ask<undefined>(`/v1/alerts/silences/${encodeURIComponent(id)}`, { method: "DELETE" }),
    acknowledge: (body: NewAcknowledgement) => ask<Acknowledged>("/v1/alerts/acknowledge", { method: "POST", body }),
    breakers: () => ask<BreakerList>("/v1/breakers"),
    forceBreaker: (body: ForceBreaker) => ask<BreakerStatus>("/v1/breakers", { method: "POST", body }),
    tokens: () => ask<TokenList>("/v1/tokens"),
    createToken: (body: NewToken) => ask<TokenCreated>("/v1/tokens", { method: "POST", body }),
    keys: () => ask<ApiKeyList>("/v1/keys"),
    createKey: (body: NewApiKey) => ask<ApiKeyCreated>("/v1/keys", { method: "POST", body }),
    revokeKey: (id: string) => ask<undefined>(`/v1/keys/${encodeURIComponent(id)}`, { method: "DELETE" }),
    revokeToken: (name: string) => ask<undefined>(`/v1/tokens/${encodeURIComponent(name)}`, { method: "DELETE" }),
  }
}

async function send<T>(connection: Connection, io: Pick<Io, "sleep">, path: string, sending: Sending): Answer<T> {
  const request = requestOf(connection, path, sending)
  const repeatable = request.method === "GET" || sending.keyed === true
  let answer = await exchange(request.clone())
  if (answer instanceof Error && repeatable && wasLost(answer)) answer = await exchange(request.clone())
  for (let wait = 0; wait < WAITS_MAX && !(answer instanceof Error) && answer.status === 429; wait++) {
    // Nothing was done, whatever it was.
    if (answer.retryAfterMs > RETRY_AFTER_MS_MAX) break
    await io.sleep(answer.retryAfterMs)
    answer = await exchange(request.clone())
  }
  if (answer instanceof Error) return unreachable(connection, answer)
  if (answer.status === 204) return undefined as T
  const body = parseJson(answer.text)
  if (answer.status >= 200 && answer.status < 300 && body !== undefined) return body as T
  return refusal(connection, answer.status, body)
}

function searchOf(query: Query): URLSearchParams {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  return search
}

function requestOf(connection: Connection, path: string, sending: Sending): Request {
  const url = new URL(connection.url + path)
  url.search = searchOf(sending.query ?? {}).toString()
  const headers = new Headers({ accept: "application/json" })
  if (connection.token !== undefined) headers.set("authorization", `Bearer ${connection.token}`)
  if (sending.keyed) headers.set("idempotency-key", randomUUID())
  if (sending.confirm !== undefined) headers.set("weft-confirm", sending.confirm)
  if (sending.ifHead !== undefined) headers.set("if-match", `"${sending.ifHead}"`)
  if (sending.body !== undefined) headers.set("content-type", "application/json")
  return new Request(url, {
    method: sending.method ?? "GET",
    headers,
    // A redirect would take the token to somebody else.
    redirect: "manual",
    ...(sending.body === undefined ? {} : { body: JSON.stringify(sending.body) }),
  })
}

/** The whole answer, or the error that kept it from coming. */
async function exchange(request: Request): Promise<{ status: number; text: string; retryAfterMs: number } | Error> {
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    const [, seconds = "1"] = /^(\d{1,6})$/.exec(response.headers.get("retry-after") ?? "") ?? []
    return { status: response.status, text: await textOf(response), retryAfterMs: Number(seconds) * 1000 }
  } catch (error) {
    return error as Error
  }
}

/** No answer of control is as long: whoever stands in for it is not read without end. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${ANSWER_BYTES_MAX / 1024 / 1024} MiB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString("utf8")
}

/** The connection broke on the way: what was sent may or may not have arrived. Nobody listening is another matter. */
function wasLost(error: Error): boolean {
  return error.name !== "TimeoutError" && !/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|CERT|TLS|SSL/.test(codeOf(error))
}

const WORDS: { readonly [code: string]: string } = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection lost",
  UND_ERR_SOCKET: "connection lost",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "no such host",
}

function codeOf(error: Error): string {
  const cause = error.cause as (Error & { code?: string; errors?: (Error & { code?: string })[] }) | undefined
  return cause?.code ?? cause?.errors?.[0]?.code ?? cause?.message ?? error.message
}

function unreachable(connection: Connection, error: Error): Failure {
  if (error.name === "TimeoutError")
    return {
      exit: EXIT.unreachable,
      message: `control at ${connection.url} did not answer within ${TIMEOUT_MS / 1000}s`,
    }
  return {
    exit: EXIT.unreachable,
    message: `control is not reachable at ${connection.url} (${WORDS[codeOf(error)] ?? codeOf(error)})`,
    hint: "is the mesh running? `npm start` or `weft up` starts one; --url or WEFT_URL names another",
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
