/**
 * A mesh without Workers: documents, compiled as control compiles them, and requests, decided by the functions of the pipeline
 * (`shared/exchange`, `shared/routing`), filter after filter in the proxy's order. The dice are the case's.
 */
import { compile } from "#shared/config/compile.ts"
import { type Address, authorityOf, rewriteAddress, targetOf } from "#shared/exchange/address.ts"
import { admit } from "#shared/exchange/admit.ts"
import { choose, filtersOf, identify, type Services } from "#shared/exchange/decide.ts"
import { arriving } from "#shared/exchange/described.ts"
import { type TrustedPeers, trustedPeers } from "#shared/identity/client-address.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import { nameOf } from "#shared/model/names.ts"
import type { RetryPolicy, Timeouts } from "#shared/model/policy.ts"
import type { Refusal } from "#shared/model/refusal.ts"
import { isRefusal, REFUSALS } from "#shared/model/refusal.ts"
import type { Filter } from "#shared/model/route.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { decode } from "#shared/model/snapshot-codec.ts"
import { corsHeaders, preflight } from "#shared/routing/cors.ts"
import { type Answer, applyHeaderChange, directAnswer, redirectAnswer } from "#shared/routing/filters.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import { compile as compileTable, type Matched, type RouteTable } from "#shared/routing/table.ts"

export interface Asked {
  readonly scheme?: "http" | "https"
  /** With a port if need be. */
  readonly host: string
  /** Path and query. */
  readonly target: string
  readonly method?: string
  readonly headers?: readonly (readonly [string, string])[]
  /** The client's, as the edge tells it. */
  readonly address?: string
  readonly nowMs?: number
  /** Of `percent` conditions, and of the split; 0 to below 1. */
  readonly dice?: number
  readonly split?: number
  /** What a backend answers. */
  readonly backend?: (url: Address) => { readonly status: number; readonly headers?: Headers }
}

export interface Told {
  /** By their names in the document; absent where no rule takes the request. */
  readonly route?: string
  readonly rule?: string
  /** The service; absent where the mesh answers by itself. */
  readonly service?: string
  /** The request at the backend. */
  readonly sent?: { readonly method: string; readonly host: string; readonly target: string; readonly headers: Headers }
  readonly status: number
  readonly headers: Headers
  readonly body?: string
  readonly timeouts?: Timeouts
  readonly retry?: RetryPolicy | undefined
  /** The mesh's own refusal, by name. */
  readonly refusal?: string
}

/** A service that is told from others by its name alone. */
export const SOMEWHERE = { url: "https://somewhere.example" }

const SURROUNDINGS = { edge: true, keepsAmbiguousNames: true }
const TRACE_ID = "0".repeat(32)

export class PureMesh {
  readonly #table: RouteTable
  readonly #services: Services
  readonly #trusted: TrustedPeers | undefined

  private constructor(snapshot: Snapshot) {
    this.#table = compileTable(snapshot)
    const trust = snapshot.gateways[0]?.clientAddress
    this.#trusted = trust && trustedPeers(trust)
    this.#services = new Map(snapshot.services.map((service) => [service.id, service]))
  }

  /** A list says why the documents are refused. */
  static of(document: MeshDocument): PureMesh | readonly string[] {
    const sources = [{ source: "case", content: document }]
    const compiled = compile([], { documents: sources, prune: false, revision: 1 })
    if ("problems" in compiled) return compiled.problems.map(({ path, message }) => `${path}: ${message}`)
    const decoded = decode(compiled.text)
    return "reason" in decoded ? [decoded.reason] : new PureMesh(decoded.snapshot)
  }

  ask(asked: Asked): Told {
    const { scheme = "http", host, target, method = "GET", headers = [], dice = 0, split = 0 } = asked
    const edge = asked.address === undefined ? [] : [["cf-connecting-ip", asked.address] as const]
    const listed = [["host", host] as const, ...edge, ...headers].map(([name, value]) => ({ name, value }))
    const arrived = arriving({ url: `${scheme}://${host}${target}`, method, headers: listed })
    if (isRefusal(arrived)) return refused(arrived)
    const admitted = admit(arrived.raw, "gateway", SURROUNDINGS)
    if (isRefusal(admitted)) return refused(admitted)
    const { address, dropped } = admitted
    const entry = identify(arrived.entrance, this.#services, address)
    if (isRefusal(entry)) return refused(entry)
    const kept = new Headers(arrived.raw.headers)
    for (const name of dropped) kept.delete(name)
    kept.set("host", authorityOf(address))
    const { path, rawQuery } = address
    const common = { method: arrived.raw.method, path, rawQuery, host: address.host, headers: kept }
    const client = this.#trusted?.addressOf(admitted.from) ?? admitted.from.edge
    const head = { ...common, caller: undefined, rpc: undefined, dice, address: client, nowMs: asked.nowMs }
    const choice = choose(this.#table, entry, head, TRACE_ID, split)
    if (isRefusal(choice)) return refused(choice)
    const { matched, backend } = choice
    const named = matched && namesOf(matched)
    const filters = filtersOf(choice)
    const own = matched && answerOf(filters, address, matched, head)
    if (own) return { ...named, ...(isRefusal(own) ? refused(own) : answered(own, filters, head)) }
    if (!backend) return { ...named, ...refused({ refusal: "backend_invalid" } as Refusal) }
    const moved = rewriteAddress(address, of(filters, "rewrite"), matched)
    if (isRefusal(moved)) return { ...named, ...refused(moved) }
    for (const { change } of of(filters, "requestHeaders")) applyHeaderChange(kept, change)
    const { status, headers: given } = asked.backend?.(moved) ?? { status: 200 }
    return {
      ...named,
      service: nameOf(backend.service),
      sent: { method, host: authorityOf(moved), target: targetOf(moved), headers: kept },
      status,
      headers: shaped(new Headers(given), filters, head),
      ...(matched && { timeouts: matched.rule.timeouts, retry: matched.rule.retry }),
    }
  }
}

function namesOf({ route, rule }: Matched): Pick<Told, "route" | "rule"> {
  return { route: nameOf(route.id as never), rule: rule.id.slice(route.id.length + 1) }
}

function of<K extends Filter["kind"]>(filters: readonly Filter[], kind: K): Extract<Filter, { kind: K }>[] {
  return filters.filter((filter): filter is Extract<Filter, { kind: K }> => filter.kind === kind)
}

function answerOf(
  filters: readonly Filter[],
  address: Address,
  matched: Matched,
  head: RequestHead,
): Answer | Refusal | undefined {
  for (const { cors } of of(filters, "cors")) {
    const answer = preflight(cors, head)
    if (answer) return answer
  }
  for (const { redirect } of of(filters, "redirect")) return redirectAnswer(redirect, address, matched)
  for (const { respond } of of(filters, "respond")) return directAnswer(respond)
  return undefined
}

/** As the proxy makes a response of it; the runtime names the text's type and length. */
function answered({ status, headers, body }: Answer, filters: readonly Filter[], head: RequestHead): Told {
  const response = new Response(body === "" ? null : body, { status })
  for (const { name, value } of headers) response.headers.append(name, value)
  if (body !== "") response.headers.set("content-length", String(new TextEncoder().encode(body).length))
  return { status, headers: shaped(new Headers(response.headers), filters, head), body }
}

function shaped(headers: Headers, filters: readonly Filter[], head: RequestHead): Headers {
  for (const { change } of of(filters, "responseHeaders")) applyHeaderChange(headers, change)
  for (const { cors } of of(filters, "cors")) {
    applyHeaderChange(headers, corsHeaders(cors, head.headers.get("origin"), headers.keys()))
  }
  return headers
}

function refused(refusal: Refusal): Told {
  return {
    status: refusal.status ?? REFUSALS[refusal.refusal].status,
    headers: new Headers(),
    refusal: refusal.refusal,
  }
}
