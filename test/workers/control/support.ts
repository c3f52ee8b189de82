/** Talks to the control Worker from outside, as the CLI does. */
import { env, exports } from "cloudflare:workers"
import type { ApplyRequest, NewToken, ProblemDetails, Role, TokenCreated } from "#shared/protocol/control-api.ts"
import type { ControlEnv } from "#workers/control/env.ts"

export const ORIGIN = "https://control.example"
/** As vitest.config.ts sets it. */
export const ROOT_TOKEN = "test-root-token-of-the-suite"

export const controlEnv = env as unknown as ControlEnv

const worker = (exports as unknown as { default: Fetcher }).default

export interface CallOptions {
  /** Root's when absent; null for none. */
  readonly token?: string | null
  /** Sent as JSON, a string as it is. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export function call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const { token = ROOT_TOKEN, body } = options
  const headers = new Headers(options.headers)
  if (token !== null && !headers.has("authorization")) headers.set("authorization", `Bearer ${token}`)
  if (body !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json")
  return worker.fetch(`${ORIGIN}${path}`, {
    method,
    headers,
    redirect: "manual",
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  })
}

/** A change with its second step, where it takes one. */
export async function confirmed(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const first = await call(method, path, options)
  if (first.status !== 428) return first
  const { confirm } = await first.json<ProblemDetails>()
  return call(method, path, { ...options, headers: { ...options.headers, "weft-confirm": confirm!.word } })
}

export async function get<T>(path: string): Promise<T> {
  return (await call("GET", path)).json()
}

/** An apply of one document. */
export function documents(content: unknown, options: Partial<ApplyRequest> = {}): ApplyRequest {
  return { documents: [{ source: "mesh.yaml", content }], ...options }
}

export async function makeToken(name: string, role: Role, options: Partial<NewToken> = {}): Promise<string> {
  const response = await call("POST", "/v1/tokens", { body: { name, role, ...options } })
  return (await response.json<TokenCreated>()).token
}

/** The problem of a refusal; fails the test when the response is none. */
export async function problemOf(response: Response): Promise<ProblemDetails> {
  if (response.headers.get("content-type") !== "application/problem+json") {
    throw new Error(`${response.status} is not a problem: ${await response.text()}`)
  }
  return response.json()
}
