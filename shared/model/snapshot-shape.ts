/**
 * Whether a value is a snapshot that the data path can trust: every field of the right type, every union's tag known,
 * every reference pointing at something.
 */
import { policies } from "./access-shape.ts"
import { authentications } from "./authentication-shape.ts"
import { breaker, retryBudget } from "./breaker-shape.ts"
import { health } from "./health-shape.ts"
import { LIMITS } from "./limits.ts"
import { DEFAULT_GATEWAY } from "./names.ts"
import { rateLimits } from "./rate-limit-shape.ts"
import type { BackendRef, Filter } from "./route.ts"
import {
  fieldName,
  fieldValue,
  filled,
  flag,
  host,
  id,
  label,
  list,
  number,
  object,
  path,
  record,
  type Shape,
  tagged,
  text,
  whole,
  word,
} from "./shape.ts"
import type { Snapshot } from "./snapshot.ts"
import { priority, upstreamShape } from "./upstream-shape.ts"

/** What is wrong with `value`; undefined when it is a snapshot. */
export function faultOf(value: object): string | undefined {
  return snapshot(value) ?? danglingReference(value as Snapshot)
}

const header = object({ name: fieldName, value: fieldValue })
const headerList = list(header, LIMITS.headerChangesMax)
const change = object(
  { set: headerList, add: headerList, remove: list(fieldName, LIMITS.headerChangesMax) },
  { default: headerList },
)
const parameters = list(object({ name: filled, value: text }), LIMITS.headerChangesMax)
const queryChange = object({ set: parameters, add: parameters, remove: list(filled, LIMITS.headerChangesMax) })
const percent = number(0, 100)
const status = whole(200, 599)
const milliseconds = number(0, LIMITS.timeoutMsMax)
const texts = list(fieldName, LIMITS.corsValuesMax)

const shared = { weight: whole(0, LIMITS.weightMax), region: label }
const endpoint = tagged({
  binding: object({ binding: filled }, { version: object({ worker: filled, versionId: filled }), ...shared }),
  url: object(
    { url: filled },
    {
      identity: object({ audience: filled, header: fieldName, whenUnavailable: word("deny", "allow") }),
      mtls: filled,
      ...shared,
    },
  ),
  dispatch: object({ binding: filled, worker: filled }, shared),
})
const endpoints = list(endpoint, LIMITS.endpointsMax)
const service = object(
  { id, endpoints, subsets: record(object({ name: label, endpoints }), LIMITS.subsetsMax) },
  { policy: object({}, { ...upstreamShape, breaker, retryBudget, health }) },
)

const listener = object({ name: label }, { hostname: filled, port: whole(1, 65_535), protocol: word("http", "https") })
const clientAddress = object({
  header: word("x-forwarded-for", "forwarded"),
  trust: tagged(
    {
      hops: object({ hops: whole(1, LIMITS.trustedHopsMax) }),
      peers: object({ networks: list(filled, LIMITS.trustedPeersMax, 1) }),
    },
    "by",
  ),
})
const gateway = object({ id, listeners: list(listener, LIMITS.listenersMax) }, { clientAddress })

const attachment = tagged(
  {
    gateway: object({ gateway: id, hostname: filled }, { listener: label }),
    service: object({ service: id }, { consumers: label, port: whole(1, 65_535) }),
  },
  "to",
)

const value = object({ value: text })
const valueMatchesOf = (name: Shape) =>
  list(
    object(
      {
        name,
        test: tagged({
          exact: value,
          prefix: value,
          suffix: value,
          contains: value,
          regex: value,
          present: object({}),
          absent: object({}),
        }),
      },
      { negate: flag },
    ),
    LIMITS.valueMatchesMax * LIMITS.valueTestsMax,
  )
const valueMatches = valueMatchesOf(filled)
const match = object(
  { headers: valueMatchesOf(fieldName), query: valueMatches, cookies: valueMatches },
  {
    path: tagged({
      exact: object({ value: path }),
      prefix: object({ value: path }),
      template: object({ value: path }),
      regex: object({ value: filled }),
    }),
    method: filled,
    claims: valueMatches,
    from: list(id, LIMITS.callersMax),
    addresses: list(filled, LIMITS.trustedPeersMax),
    afterMs: number(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    beforeMs: number(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    rpc: filled,
    percent,
  },
)

const pathChange = tagged({
  full: object({ value: path }),
  prefix: object({ value: path }),
  template: object({ value: path }),
  regex: object({ pattern: filled, value: text }),
})
const backendRef = object({ service: id }, { subset: label })
const filter = tagged({
  requestHeaders: object({ change }),
  responseHeaders: object({ change }),
  rewrite: object({ rewrite: object({}, { host, path: pathChange, query: queryChange }) }),
  redirect: object({
    redirect: object(
      { status: word(301, 302, 303, 307, 308) },
      { scheme: word("http", "https"), host, port: whole(1, 65_535), path: pathChange, query: text },
    ),
  }),
  respond: object({ respond: object({ status, headers: headerList, body: text }) }),
  mirror: object({ mirror: object({ backend: backendRef, percent }, { credentials: flag }) }),
  cors: object({
    cors: object({
      origins: list(fieldValue, LIMITS.corsValuesMax),
      credentials: flag,
      methods: texts,
      headers: texts,
      exposeHeaders: texts,
      maxAgeSeconds: whole(0, Number.MAX_SAFE_INTEGER),
    }),
  }),
  fault: object({
    fault: object({}, { delay: object({ ms: milliseconds, percent }), abort: object({ status, percent }) }),
  }),
  limits: object({ limits: object({ bodyBytesMax: whole(0, Number.MAX_SAFE_INTEGER) }) }),
})
const filters = list(filter, LIMITS.filtersMax)

const backend = object(
  { service: id, weight: whole(0, LIMITS.weightMax), filters },
  {
    subset: label,
    invalid: word("service_not_found", "subset_not_found", "reference_not_granted", "kind_not_supported"),
  },
)

const responseHeader = object({ header: fieldName }, { value: text })
const retry = object(
  {
    attempts: whole(1, LIMITS.retryAttemptsMax),
    on: list(retryCondition, LIMITS.retryConditionsMax),
    backoffMs: milliseconds,
    unsafe: flag,
  },
  { nested: flag, hedge: object({ afterMs: milliseconds, max: whole(1, LIMITS.hedgesMax) }) },
)
const sticky = tagged(
  {
    header: object({ name: fieldName }),
    cookie: object({ name: filled }),
    chain: object({}),
    caller: object({}),
    session: object({ cookie: filled }, { maxAgeSeconds: whole(0, LIMITS.timeoutMsMax) }),
  },
  "by",
)

const accessLog = object(
  { percent, failures: flag },
  { slowerThanMs: milliseconds, headers: list(fieldName, LIMITS.loggedHeadersMax) },
)

const rule = object(
  {
    id: filled,
    matches: list(match, LIMITS.matchesMax, 1),
    filters,
    backends: list(backend, LIMITS.backendsMax),
    timeouts: object({}, { requestMs: milliseconds, attemptMs: milliseconds, idleMs: milliseconds }),
  },
  { retry, sticky, rateLimits, priority, encodedSlashes: word("keep"), tracing: object({ percent }), accessLog },
)
const route = object({
  id,
  attachments: list(attachment, LIMITS.attachmentsMax),
  order: word("specific", "listed"),
  since: whole(0, Number.MAX_SAFE_INTEGER),
  rules: list(rule, LIMITS.rulesMax),
})

const snapshot = object(
  {
    services: list(service, LIMITS.servicesMax),
    gateways: list(gateway, LIMITS.gatewaysMax),
    routes: list(route, LIMITS.routesMax),
  },
  { authentications, policies, meantEmpty: flag },
)

/** Backends that the control plane marked as invalid are answered with 500 and may point anywhere. */
function danglingReference(mesh: Snapshot): string | undefined {
  const { services, gateways, routes, policies = [], authentications = [] } = mesh
  const known = new Map(services.map((service) => [service.id, service]))
  if (known.size < services.length) return "services: an id stands there twice"
  const gates = new Set(gateways.map((gateway) => gateway.id)).add(DEFAULT_GATEWAY)
  const dangles = ({ service, subset }: BackendRef): boolean => {
    const found = known.get(service)
    return !found || (subset !== undefined && !Object.hasOwn(found.subsets, subset))
  }
  const mirrorDangles = (filter: Filter): boolean => filter.kind === "mirror" && dangles(filter.mirror.backend)
  for (const { id, target, tokens } of authentications) {
    const places = target.of === "places" ? target : { services: [], gateways: [] }
    const issuers = tokens.flatMap(({ keys }) => (keys.kind === "service" ? [keys.service] : []))
    if (![...places.services, ...issuers].every((service) => known.has(service)))
      return `${id}: names an unknown service`
    if (!places.gateways.every((gateway) => gates.has(gateway))) return `${id}: covers an unknown gateway`
  }
  for (const { id, policy } of services) {
    const fallback = policy?.breaker?.fallback
    if (fallback?.kind === "service" && dangles(fallback.backend)) return `${id}: falls back to something unknown`
  }
  for (const { id, attachments, rules } of routes) {
    for (const attachment of attachments) {
      const found = attachment.to === "gateway" ? gates.has(attachment.gateway) : known.has(attachment.service)
      if (!found) return `${id}: attached to something unknown`
    }
    for (const { backends, filters } of rules) {
      const dangling =
        filters.some(mirrorDangles) ||
        backends.some((backend) => backend.filters.some(mirrorDangles) || (!backend.invalid && dangles(backend)))
      if (dangling) return `${id}: sends to something unknown`
    }
  }
  for (const policy of policies) {
    if (policy.action === "custom" && !known.has(policy.authorizer.service)) return `${policy.id}: asks nobody known`
  }
  return undefined
}

function retryCondition(value: unknown): string | undefined {
  if (typeof value === "number") return status(value)
  if (typeof value === "object") return responseHeader(value)
  return word("5xx", "gateway-error", "reset", "connect-failure", "attempt-timeout", "retriable-4xx")(value)
}
