/**
 * Whether a value is a snapshot that the data path can trust: every field of the right type, every union's tag known,
 * every reference pointing at something. Hand-written, because a schema library is too large and too slow for the proxy.
 */
import { LIMITS } from "./limits.ts"
import { DEFAULT_GATEWAY, isLabel } from "./names.ts"
import type { BackendRef, Filter } from "./route.ts"
import type { Snapshot } from "./snapshot.ts"

/** Answers with what is wrong and where; undefined when nothing is. */
type Shape = (value: unknown) => string | undefined

/** What is wrong with `value`; undefined when it is a snapshot. */
export function faultOf(value: object): string | undefined {
  return snapshot(value) ?? danglingReference(value as Snapshot)
}

const text: Shape = (value) => (typeof value === "string" ? undefined : "is not a text")
const flag: Shape = (value) => (typeof value === "boolean" ? undefined : "is not a boolean")
const id: Shape = (value) => {
  if (typeof value !== "string") return "is not a text"
  const slash = value.indexOf("/")
  return isLabel(value.slice(0, slash)) && isLabel(value.slice(slash + 1)) ? undefined : "is not an id"
}
const label: Shape = (value) => (typeof value === "string" && isLabel(value) ? undefined : "is not a name")
const filled: Shape = (value) => (typeof value === "string" && value !== "" ? undefined : "is not a text with content")
const path: Shape = (value) => (typeof value === "string" && value[0] === "/" ? undefined : "is not a path")

const header = object({ name: filled, value: text })
const headerList = list(header, LIMITS.headerChangesMax)
const change = object({ set: headerList, add: headerList, remove: list(filled, LIMITS.headerChangesMax) })
const percent = number(0, 100)
const status = whole(200, 599)
const milliseconds = number(0, LIMITS.timeoutMsMax)
const texts = list(filled, LIMITS.corsValuesMax)

const endpoint = tagged({
  binding: object({ binding: filled }, { version: object({ worker: filled, versionId: filled }) }),
  url: object({ url: filled }),
  dispatch: object({ binding: filled, worker: filled }),
})
const endpoints = list(endpoint, LIMITS.endpointsMax)
const service = object({ id, endpoints, subsets: record(object({ name: label, endpoints }), LIMITS.subsetsMax) })

const listener = object({ name: label }, { hostname: filled, port: whole(1, 65_535), protocol: word("http", "https") })
const gateway = object({ id, listeners: list(listener, LIMITS.listenersMax) })

const attachment = tagged(
  {
    gateway: object({ gateway: id, hostname: filled }, { listener: label }),
    service: object({ service: id }, { consumers: label, port: whole(1, 65_535) }),
  },
  "to",
)

const value = object({ value: text })
const valueMatches = list(
  object(
    {
      name: filled,
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
  LIMITS.valueMatchesMax,
)
const match = object(
  { headers: valueMatches, query: valueMatches, cookies: valueMatches },
  {
    path: tagged({
      exact: object({ value: path }),
      prefix: object({ value: path }),
      template: object({ value: path }),
      regex: object({ value: filled }),
    }),
    method: filled,
    from: list(id, LIMITS.callersMax),
    rpc: filled,
    percent,
  },
)

const pathChange = tagged({
  full: object({ value: path }),
  prefix: object({ value: path }),
  template: object({ value: path }),
})
const backendRef = object({ service: id }, { subset: label })
const filter = tagged({
  requestHeaders: object({ change }),
  responseHeaders: object({ change }),
  rewrite: object({ rewrite: object({}, { host: filled, path: pathChange }) }),
  redirect: object({
    redirect: object(
      { status: word(301, 302, 303, 307, 308) },
      { scheme: word("http", "https"), host: filled, port: whole(1, 65_535), path: pathChange },
    ),
  }),
  respond: object({ respond: object({ status, headers: headerList, body: text }) }),
  mirror: object({ mirror: object({ backend: backendRef, percent }) }),
  cors: object({
    cors: object({
      origins: texts,
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

const retry = object({
  attempts: whole(1, LIMITS.retryAttemptsMax),
  on: list(retryCondition, LIMITS.retryConditionsMax),
  backoffMs: milliseconds,
  unsafe: flag,
})
const sticky = tagged(
  {
    header: object({ name: filled }),
    cookie: object({ name: filled }),
    chain: object({}),
    caller: object({}),
    session: object({ cookie: filled }, { maxAgeSeconds: whole(0, LIMITS.timeoutMsMax) }),
  },
  "by",
)

const rule = object(
  {
    id: filled,
    matches: list(match, LIMITS.matchesMax, 1),
    filters,
    backends: list(backend, LIMITS.backendsMax),
    timeouts: object({}, { requestMs: milliseconds, attemptMs: milliseconds }),
  },
  { retry, sticky },
)
const route = object({
  id,
  attachments: list(attachment, LIMITS.attachmentsMax),
  order: word("specific", "listed"),
  since: whole(0, Number.MAX_SAFE_INTEGER),
  rules: list(rule, LIMITS.rulesMax),
})

const snapshot = object({
  services: list(service, LIMITS.servicesMax),
  gateways: list(gateway, LIMITS.gatewaysMax),
  routes: list(route, LIMITS.routesMax),
})

/** Backends that the control plane marked as invalid are answered with 500 and may point anywhere. */
function danglingReference({ services, gateways, routes }: Snapshot): string | undefined {
  const known = new Map(services.map((service) => [service.id, service]))
  if (known.size < services.length) return "services: an id stands there twice"
  const gates = new Set(gateways.map((gateway) => gateway.id)).add(DEFAULT_GATEWAY)
  const dangles = ({ service, subset }: BackendRef): boolean => {
    const found = known.get(service)
    return !found || (subset !== undefined && !Object.hasOwn(found.subsets, subset))
  }
  const mirrorDangles = (filter: Filter): boolean => filter.kind === "mirror" && dangles(filter.mirror.backend)
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
  return undefined
}

function retryCondition(value: unknown): string | undefined {
  return typeof value === "number" ? status(value) : word("5xx", "gateway-error", "connect-failure")(value)
}

function number(min: number, max: number): Shape {
  return (value) =>
    typeof value === "number" && value >= min && value <= max ? undefined : `is not between ${min} and ${max}`
}

function whole(min: number, max: number): Shape {
  const range = number(min, max)
  return (value) => (Number.isInteger(value) ? range(value) : "is not a whole number")
}

function word(...words: readonly (string | number)[]): Shape {
  return (value) => (words.includes(value as string) ? undefined : `is none of ${words.join(", ")}`)
}

function list(item: Shape, max: number, min = 0): Shape {
  return (value) => {
    if (!Array.isArray(value)) return "is not a list"
    if (value.length < min || value.length > max) return `has ${value.length} items`
    for (let index = 0; index < value.length; index++) {
      const fault = item(value[index])
      if (fault !== undefined) return `[${index}] ${fault}`
    }
    return undefined
  }
}

function object(required: Record<string, Shape>, optional: Record<string, Shape> = {}): Shape {
  const needed = Object.entries(required)
  const allowed = Object.entries(optional)
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not an object"
    const fields = value as Record<string, unknown>
    for (const [key, shape] of needed) {
      const fault = shape(Object.hasOwn(fields, key) ? fields[key] : undefined)
      if (fault !== undefined) return `.${key} ${fault}`
    }
    for (const [key, shape] of allowed) {
      if (fields[key] === undefined) continue
      const fault = shape(fields[key])
      if (fault !== undefined) return `.${key} ${fault}`
    }
    return undefined
  }
}

/** By name; each item says its own name again. */
function record(item: Shape, max: number): Shape {
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not an object"
    const entries = Object.entries(value)
    if (entries.length > max) return `has ${entries.length} items`
    for (const [key, entry] of entries) {
      const fault = item(entry) ?? (entry.name === key ? undefined : "is under another's name")
      if (fault !== undefined) return `.${key} ${fault}`
    }
    return undefined
  }
}

/** A union, told apart by the word under `tag`. */
function tagged(shapes: Record<string, Shape>, tag = "kind"): Shape {
  const byTag = new Map(Object.entries(shapes))
  return (value) => {
    if (typeof value !== "object" || value === null) return "is not an object"
    const shape = byTag.get((value as Record<string, string>)[tag]!)
    return shape ? shape(value) : `.${tag} is not known`
  }
}
