/**
 * The shape of documents, for the machine: `parse` checks with it, editors read it as JSON Schema. The types in
 * `shared/model/document.ts` are the masters; a schema that differs from its type does not compile.
 */
import * as z from "zod"
import type * as D from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type {
  PathChangeDocument,
  PathReplacementDocument,
  QueryChangeDocument,
} from "#shared/model/rewrite-document.ts"
import { checkRegex } from "./admit-regex.ts"
import * as check from "./checks.ts"
import { checkFilling, checkPath, checkReplacement } from "./path-syntax.ts"
import { accessPolicy } from "./schema-access.ts"
import { receiver, slo } from "./schema-alerting.ts"
import { authentication } from "./schema-authentication.ts"
import { protectionShape, retry } from "./schema-breaker.ts"
import { checkEndpoints, endpointShape, endpoints } from "./schema-endpoint.ts"
import { gateway } from "./schema-gateway.ts"
import { health } from "./schema-health.ts"
import { conflict, list, named, object, oneOf, optional, text, whole } from "./schema-kit.ts"
import { rateLimits } from "./schema-limit.ts"
import { match } from "./schema-match.ts"
import { priority, upstreamShape } from "./schema-upstream.ts"

const lower = (name: string): string => name.toLowerCase()
const name = text(check.checkName, { pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" })
const reference = text(check.checkReference)
const durationOf = (leastMs: number, mostMs?: number) =>
  text(check.checkDuration(leastMs, mostMs), {
    pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
    examples: ["250ms", "2s", "1m30s"],
  })
const duration = durationOf(1)
const percent = z.number().min(0).max(100)
const path = text(checkPath, { pattern: "^/" })
const hostname = text(check.checkHostname)
const port = whole(1, 65_535)
const headerValues = named(check.checkChangedHeader, text(check.checkHeaderValue), {
  max: LIMITS.headerChangesMax,
  fold: lower,
})

const aliases = optional(
  list(text(check.checkAlias), { min: 1, max: LIMITS.endpointsMax }),
  "Names of Kubernetes Services that lead here: `namespace/name`, or `namespace/name:port`. For routes of the Gateway API.",
)

const subset = object<D.SubsetDocument>("Subset", { ...endpointShape, endpoints, aliases }, checkEndpoints)

const service = object<D.ServiceDocument>(
  "Service",
  {
    ...endpointShape,
    endpoints: endpoints.meta({
      description: "Several places that serve the same; excludes `binding`, `url` and `worker` beside it.",
    }),
    subsets: optional(
      named(check.checkName, subset, { max: LIMITS.subsetsMax }),
      "Labelled parts: versions, canaries. An empty subset `v2` of `orders` is reached through the binding `ORDERS_V2`.",
    ),
    aliases,
    ...upstreamShape,
    ...protectionShape,
    health: optional(health, "What the mesh asks each endpoint by itself; one that does not answer well is left out."),
  },
  checkEndpoints,
)

const headerChange = object<D.HeaderChangeDocument>("HeaderChange", {
  set: optional(headerValues),
  add: optional(headerValues),
  remove: optional(list(text(check.checkChangedHeader), { max: LIMITS.headerChangesMax })),
  default: optional(headerValues, "For headers that are not there otherwise."),
})

const parameters = named(check.checkQueryName, text(check.checkCompared), { max: LIMITS.headerChangesMax })
const queryChange = object<QueryChangeDocument>("QueryChange", {
  set: optional(parameters),
  add: optional(parameters),
  remove: optional(list(text(check.checkQueryName), { max: LIMITS.headerChangesMax })),
})

const pathChange: z.ZodType<PathChangeDocument> = z
  .union([
    path,
    oneOf<Exclude<PathChangeDocument, string>>("PathChange", {
      full: path,
      prefix: path,
      template: text(checkFilling, { pattern: "^/" }),
      regex: object<PathReplacementDocument>(
        "PathReplacement",
        {
          pattern: text(checkRegex).meta({ description: "Need not take the whole path: `^/v1(/.*)?$`, `/old/`." }),
          replacement: text().meta({ description: "`/v2{1}`: `{1}` and `{name}` are the expression's groups." }),
        },
        checkReplacement,
      ),
    }),
  ])
  .meta({ description: "A string replaces the whole path." })

const status = whole(200, 599)
const REDIRECT_STATUSES = [301, 302, 303, 307, 308] as const
type Filters = Required<D.FilterDocument>

const cors = object<Filters["cors"]>(
  "Cors",
  {
    origins: list(text(check.checkOrigin), { min: 1, max: LIMITS.corsValuesMax }),
    credentials: optional(z.boolean()),
    methods: optional(list(text(check.checkTokenOrAny), { max: LIMITS.corsValuesMax })),
    headers: optional(list(text(check.checkTokenOrAny), { max: LIMITS.corsValuesMax })),
    exposeHeaders: optional(list(text(check.checkTokenOrAny), { max: LIMITS.corsValuesMax })),
    maxAge: optional(durationOf(0, LIMITS.corsMaxAgeMsMax)),
  },
  check.checkCors,
)

const filter = oneOf<D.FilterDocument>("Filter", {
  requestHeaders: headerChange,
  responseHeaders: headerChange,
  rewrite: object<Filters["rewrite"]>("Rewrite", {
    host: optional(text(check.checkHost)),
    path: optional(pathChange),
    query: optional(queryChange),
  }),
  redirect: object<Filters["redirect"]>("Redirect", {
    scheme: optional(z.enum(["http", "https"])),
    host: optional(text(check.checkHost)),
    port: optional(port),
    path: optional(pathChange),
    query: optional(text(check.checkQuery), "In the place of the request's own; an empty text is none."),
    status: optional(z.literal(REDIRECT_STATUSES)),
  }),
  respond: object<Filters["respond"]>("Respond", {
    status,
    headers: optional(headerValues),
    body: optional(z.string().max(LIMITS.responseBodyCharsMax)),
  }),
  mirror: object<Filters["mirror"]>("Mirror", {
    service: reference,
    subset: optional(name),
    percent: optional(percent),
    credentials: optional(z.boolean(), "The copy keeps `authorization` and `cookie`."),
  }),
  cors,
  fault: object<Filters["fault"]>("Fault", {
    delay: optional(object("FaultDelay", { time: duration, percent: optional(percent) })),
    abort: optional(object("FaultAbort", { status, percent: optional(percent) })),
  }),
  limits: object<Filters["limits"]>("Limits", { bodyBytes: whole(0, Number.MAX_SAFE_INTEGER) }),
})
const filters = optional(list(filter, { max: LIMITS.filtersMax }))

const backend = object<D.BackendDocument>("Backend", {
  service: reference,
  subset: optional(name),
  weight: optional(whole(0, LIMITS.weightMax)),
  filters,
})

const sticky = oneOf<D.StickyDocument>("Sticky", {
  header: text(check.checkHeaderName),
  cookie: text(check.checkToken),
  chain: z.literal(true),
  caller: z.literal(true),
  session: object<NonNullable<D.StickyDocument["session"]>>("Session", {
    cookie: text(check.checkToken),
    maxAge: optional(durationOf(1, LIMITS.sessionMaxAgeMsMax)),
  }),
})

const rule = object<D.RuleDocument>(
  "Rule",
  {
    name: optional(name),
    match: optional(match, "Any of these; without, every request. `match` is short for a single one."),
    matches: optional(list(match, { min: 1, max: LIMITS.matchesMax })),
    filters,
    backends: optional(list(backend, { max: LIMITS.backendsMax })),
    delegate: optional(
      reference,
      "A route without hosts and service of its own, whose rules take over below this one's path prefix: `name` or `namespace/name`.",
    ),
    sticky: optional(sticky, "Which requests get the same backend; without, every request throws the dice anew."),
    timeout: optional(duration),
    attemptTimeout: optional(duration),
    idleTimeout: optional(duration, "Silence within a streamed answer after which it breaks off."),
    retry: optional(retry),
    rateLimits: optional(rateLimits, "All of them must let a request through."),
    priority: optional(
      priority,
      "What goes first when a service has no places left. Without: what the calling service says, else `default`.",
    ),
    encodedSlashes: optional(
      z.literal("keep"),
      "Paths may hold `%2F`, a character of its segment. Refused where an access policy that covers the rule goes by paths.",
    ),
    accessLog: optional(
      object<D.AccessLogDocument>("AccessLog", {
        percent: optional(percent, "Share of the requests, 0 to 100. Default 100."),
        failures: optional(
          z.boolean(),
          "What was answered with 5xx or refused is logged, whatever the share. Default true.",
        ),
        slowerThan: optional(duration, "What took at least so long is logged too."),
        headers: optional(
          list(text(check.checkHeaderName), { max: LIMITS.loggedHeadersMax }),
          "Request headers to add; what secrets stand under is not shown.",
        ),
      }),
      "What the access log has of the rule's requests. Without: all or nothing, as `WEFT_ACCESS_LOG` says.",
    ),
    tracing: optional(
      object<D.TracingDocument>("Tracing", {
        percent: percent.meta({ description: "Share of the traces, 0 to 100." }),
      }),
      "What is recorded of the traces that begin here. Without: as much as everywhere.",
    ),
  },
  (value) => conflict(value, ["match", "matches"]),
)

const route = object<D.RouteDocument>(
  "Route",
  {
    hosts: optional(
      list(hostname, { min: 1, max: LIMITS.hostnamesMax }),
      "Hostnames of public traffic: exact, `*.suffix`, or `*`.",
    ),
    gateways: optional(
      list(text(check.checkGatewayReference), { min: 1, max: LIMITS.hostnamesMax }),
      "Gateways that the hosts are served by; `name`, `namespace/name` or `name#listener`. Default: the built-in one.",
    ),
    service: optional(
      reference,
      "A service (or several) whose traffic inside the mesh this route takes: `name` or `namespace/name`.",
    ),
    services: optional(list(reference, { min: 1, max: LIMITS.hostnamesMax })),
    order: optional(z.enum(["specific", "listed"])),
    rules: list(rule, { min: 1, max: LIMITS.rulesMax }),
  },
  (value) => conflict(value, ["service", "services"]),
)

export const documentSchema: z.ZodType<D.MeshDocument> = object<D.MeshDocument>("MeshDocument", {
  namespace: optional(name, "Where the names of this document live. Default `default`."),
  services: optional(named(check.checkName, service, { max: LIMITS.servicesMax })),
  gateways: optional(named(check.checkName, gateway, { max: LIMITS.gatewaysMax })),
  routes: optional(named(check.checkName, route, { max: LIMITS.routesMax })),
  authentication: optional(named(check.checkName, authentication, { max: LIMITS.authenticationsMax })),
  policies: optional(named(check.checkName, accessPolicy, { max: LIMITS.policiesMax })),
  slos: optional(
    named(check.checkName, slo, { max: LIMITS.slosMax }),
    "What is promised of services and routes; what is not kept becomes an alert.",
  ),
  receivers: optional(named(check.checkName, receiver, { max: LIMITS.receiversMax }), "Who hears of alerts."),
})

/** What editors check documents with while they are written. */
export function jsonSchema(): object {
  return {
    $id: "urn:weft:schema:document:1",
    title: "Weft mesh document",
    description: "Services, gateways, routes, authentication, access policies, objectives and receivers of a mesh.",
    ...z.toJSONSchema(documentSchema, { target: "draft-2020-12", io: "input", reused: "inline" }),
  }
}
