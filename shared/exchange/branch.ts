/**
 * What becomes of a request that a rule has taken and one backend gets: the filters in the order in which the proxy
 * (`workers/proxy/filter.ts`) carries them out, until one of them answers, and where the request is sent then.
 */
import type { ServiceId } from "#shared/model/names.ts"
import type { Refusal } from "#shared/model/refusal.ts"
import { isRefusal, REFUSALS, refuse } from "#shared/model/refusal.ts"
import type { QueryChange } from "#shared/model/rewrite.ts"
import type { Backend, Filter } from "#shared/model/route.ts"
import type { Endpoint } from "#shared/model/service.ts"
import type {
  Branch,
  ExplainedAccess,
  ExplainedRefusal,
  FilterStep,
  ReachedEndpoint,
} from "#shared/protocol/explain.ts"
import { preflight } from "#shared/routing/cors.ts"
import { type Answer, applyHeaderChange, directAnswer, redirectAnswer } from "#shared/routing/filters.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import type { Matched } from "#shared/routing/table.ts"
import { hideSecret } from "#shared/std/secret.ts"
import { type Address, rewriteAddress, targetOf, urlAt, urlOf } from "./address.ts"
import { endpointsOf, filtersOf, type Services } from "./decide.ts"
import { describeFilter } from "./filter-words.ts"

export interface Subject {
  readonly services: Services
  /** The bindings of live proxies; undefined when none has told. */
  readonly bindings: ReadonlySet<string> | undefined
  readonly head: RequestHead
  /** Undefined for an RPC call. */
  readonly address: Address | undefined
  readonly matched: Matched | undefined
  /** What access policies say of the request as the service will see it. */
  judge?(service: ServiceId, address: Address | undefined, headers: Headers): ExplainedAccess | undefined
}

type FilterOf<K extends Filter["kind"]> = Extract<Filter, { kind: K }>
type Outcome = Pick<Branch, "steps" | "sends" | "answer" | "refusal" | "access">

/** The order of the proxy's stage `filter`. */
const ON_REQUEST = ["limits", "cors", "fault", "redirect", "respond", "requestHeaders", "rewrite", "mirror"] as const
const ON_RESPONSE = ["responseHeaders", "cors"] as const

export function follow(subject: Subject, backend: Backend | undefined): Outcome {
  const filters = filtersOf({ matched: subject.matched, backend })
  const steps: FilterStep[] = []
  const step = (filter: Filter, on: FilterStep["on"], effect = describeFilter(filter)) =>
    steps.push({ filter: filter.kind, of: backend?.filters.includes(filter) ? "backend" : "rule", on, effect })

  let ended: Answer | Refusal | undefined
  for (const filter of inOrder(filters, subject, ON_REQUEST)) {
    if (ended) break
    ended = endedBy(filter, subject)
    const { address, matched } = subject
    const moved =
      filter.kind === "rewrite" && address ? rewriteAddress(address, [shownRewrite(filter)], matched) : undefined
    step(filter, "request", moved && !isRefusal(moved) ? `to ${urlOf(moved)}` : undefined)
  }
  if (ended && isRefusal(ended)) return { steps, refusal: explainRefusal(ended) }
  const sent = ended ? { answer: shownAnswer(ended) } : sending(subject, filters, backend)
  if (!("refusal" in sent)) {
    for (const filter of inOrder(filters, subject, ON_RESPONSE)) step(filter, "response")
  }
  return { steps, ...sent }
}

function shownAnswer({ headers, ...answer }: Answer): Answer {
  return { ...answer, headers: headers.map(({ name, value }) => ({ name, value: hideSecret(name, value) })) }
}

export function explainRefusal({ refusal, detail, status }: Refusal): ExplainedRefusal {
  const { title, status: usual } = REFUSALS[refusal]
  return { name: refusal, status: status ?? usual, title, ...(detail !== undefined && { detail }) }
}

/** For an RPC call only faults have a meaning. */
function inOrder(filters: readonly Filter[], { head }: Subject, order: readonly Filter["kind"][]): Filter[] {
  const kinds = head.rpc === undefined ? order : order.filter((kind) => kind === "fault")
  return kinds.flatMap((kind) => filters.filter((filter) => filter.kind === kind))
}

/** What ends the way of this very request; what only a share of requests meets does not. */
function endedBy(filter: Filter, { head, address, matched }: Subject): Answer | Refusal | undefined {
  switch (filter.kind) {
    case "limits":
      return Number(head.headers.get("content-length") ?? 0) > filter.limits.bodyBytesMax
        ? refuse("body_too_large")
        : undefined
    case "cors":
      return preflight(filter.cors, head)
    case "fault":
      return filter.fault.abort?.percent === 100
        ? { ...refuse("fault_injected"), status: filter.fault.abort.status }
        : undefined
    case "redirect":
      return address && matched && redirectAnswer(filter.redirect, address, matched)
    case "respond":
      return directAnswer(filter.respond)
    default:
      return undefined
  }
}

function sending(
  subject: Subject,
  filters: readonly Filter[],
  backend: Backend | undefined,
): Pick<Branch, "sends" | "access"> | Pick<Required<Branch>, "refusal"> {
  const { services, bindings, head, address, matched } = subject
  const endpoints = endpointsOf(services, backend)
  if (isRefusal(endpoints)) return { refusal: explainRefusal(endpoints) }
  const rewrites = filters.filter((filter) => filter.kind === "rewrite")
  const moved = address && head.rpc === undefined ? rewriteAddress(address, rewrites, matched) : address
  if (moved && isRefusal(moved)) return { refusal: explainRefusal(moved) }
  const access = backend && subject.judge?.(backend.service, moved, headersFor(head, filters))
  const judged = access && { access }
  if (access && !access.allowed) return { refusal: explainRefusal(refuse("forbidden")), ...judged }
  if (!moved) {
    const callable = endpoints.filter(({ kind }) => kind !== "url")
    if (callable.length > 0) return { sends: { endpoints: callable.map((one) => reached(one, bindings)) }, ...judged }
    const missing = refuse("no_healthy_endpoint", "the service has no binding that takes RPC")
    return { refusal: explainRefusal(missing), ...judged }
  }
  const [first] = endpoints
  const shown = address && rewriteAddress(address, rewrites.map(shownRewrite), matched)
  const told = shown && !isRefusal(shown) ? shown : moved
  const url = first?.kind === "url" ? urlAt(first.url, targetOf(told)) : urlOf(told)
  return { sends: { url, endpoints: endpoints.map((one) => reached(one, bindings)) }, ...judged }
}

/** What stands under the name of a secret is not shown in a URL either. */
function shownRewrite(filter: FilterOf<"rewrite">): FilterOf<"rewrite"> {
  const { query } = filter.rewrite
  if (!query) return filter
  const shown = (parameters: QueryChange["set"]) =>
    parameters.map(({ name, value }) => ({ name, value: hideSecret(name, value) }))
  return {
    ...filter,
    rewrite: { ...filter.rewrite, query: { ...query, set: shown(query.set), add: shown(query.add) } },
  }
}

/** The request's headers as they leave. */
function headersFor({ headers }: RequestHead, filters: readonly Filter[]): Headers {
  const changes = filters.flatMap((filter) => (filter.kind === "requestHeaders" ? [filter.change] : []))
  if (changes.length === 0) return headers
  const changed = new Headers(headers)
  for (const change of changes) applyHeaderChange(changed, change)
  return changed
}

function reached(endpoint: Endpoint, bindings: ReadonlySet<string> | undefined): ReachedEndpoint {
  if (endpoint.kind === "url") return { at: endpoint.url }
  const bound = bindings && { bound: bindings.has(endpoint.binding) }
  if (endpoint.kind === "dispatch")
    return { at: `Worker ${endpoint.worker} of dispatch namespace ${endpoint.binding}`, ...bound }
  const version = endpoint.version ? `, version ${endpoint.version.versionId} of ${endpoint.version.worker}` : ""
  return { at: `binding ${endpoint.binding}${version}`, ...bound }
}
