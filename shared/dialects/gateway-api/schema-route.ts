/** The shape of routes. What a cluster checks by expressions over several fields is checked here by functions. */
import * as z from "zod"
import { checkHeaderName, checkHeaderValue } from "#shared/config/checks.ts"
import { type Complaint, complain, quote } from "#shared/config/complaint.ts"
import { conflict, list, object, optional, text, whole } from "#shared/config/schema-kit.ts"
import { parseDuration } from "#shared/std/duration.ts"
import * as check from "./checks.ts"
import { GATEWAY_API_LIMITS as MAX } from "./limits.ts"
import type * as T from "./types.ts"

const anything: z.ZodType<unknown> = z.unknown()
const port = whole(1, 65_535)

const parentRef = object<T.ParentRef>("KubernetesParentRef", {
  group: optional(text()),
  kind: optional(text()),
  namespace: optional(text(check.checkNamespace)),
  name: text(check.checkObjectName),
  sectionName: optional(text(check.checkObjectName)),
  port: optional(port),
})

const headerMatch = object<T.NamedMatch>("KubernetesHeaderMatch", {
  type: optional(text()),
  name: text(checkHeaderName),
  value: text(check.checkValue),
})

const queryMatch = object<T.NamedMatch>("KubernetesQueryMatch", {
  type: optional(text()),
  name: text(check.checkQueryName),
  value: text(check.checkValue),
})

const pathMatch = object<NonNullable<T.HttpMatch["path"]>>(
  "KubernetesPathMatch",
  { type: optional(text()), value: optional(text(check.checkReplacement)) },
  ({ type = "PathPrefix", value = "/" }) =>
    type === "Exact" || type === "PathPrefix" ? check.checkPathValue(value) : undefined,
)

const httpMatch = object<T.HttpMatch>("KubernetesHttpMatch", {
  path: optional(pathMatch),
  headers: optional(list(headerMatch, { max: MAX.valueMatchesMax })),
  queryParams: optional(list(queryMatch, { max: MAX.valueMatchesMax })),
  method: optional(text()),
})

const grpcMatch = object<T.GrpcMatch>("KubernetesGrpcMatch", {
  method: optional(
    object<NonNullable<T.GrpcMatch["method"]>>(
      "KubernetesGrpcMethod",
      { type: optional(text()), service: optional(text(check.checkValue)), method: optional(text(check.checkValue)) },
      (value) =>
        "service" in value || "method" in value
          ? undefined
          : complain("missing-key", 'One of "service", "method" must be there'),
    ),
  ),
  headers: optional(list(headerMatch, { max: MAX.valueMatchesMax })),
})

const headerValue = object("KubernetesHeader", { name: text(checkHeaderName), value: text(checkHeaderValue) })
const headerModifier = object<T.HeaderModifier>("KubernetesHeaderModifier", {
  set: optional(list(headerValue, { max: MAX.headerChangesMax })),
  add: optional(list(headerValue, { max: MAX.headerChangesMax })),
  remove: optional(list(text(checkHeaderName), { max: MAX.headerChangesMax })),
})

function checkServicePort(value: T.ObjectRef): Complaint | undefined {
  const isService = (value.group ?? "") === "" && (value.kind ?? "Service") === "Service"
  return isService && value.port === undefined
    ? complain("missing-key", '"port" is missing; a reference to a Service must name its port')
    : undefined
}

const objectRefShape = {
  group: optional(text()),
  kind: optional(text()),
  name: text(check.checkObjectName),
  namespace: optional(text(check.checkNamespace)),
  port: optional(port),
}

const mirror = object<T.MirrorSpec>(
  "KubernetesMirror",
  {
    backendRef: object<T.ObjectRef>("KubernetesObjectRef", objectRefShape, checkServicePort),
    percent: optional(whole(0, 100)),
    fraction: optional(
      object<NonNullable<T.MirrorSpec["fraction"]>>(
        "KubernetesFraction",
        { numerator: whole(0, 2_147_483_647), denominator: optional(whole(1, 2_147_483_647)) },
        ({ numerator, denominator = 100 }) =>
          numerator > denominator
            ? complain("out-of-range", "The numerator is larger than the denominator")
            : undefined,
      ),
    ),
  },
  (value) => conflict(value, ["percent", "fraction"]),
)

const pathModifier = object<T.PathModifier>("KubernetesPathModifier", {
  type: text(),
  replaceFullPath: optional(text(check.checkReplacement)),
  replacePrefixMatch: optional(text(check.checkReplacement)),
})

const cors = object<T.CorsSpec>(
  "KubernetesCors",
  {
    allowOrigins: optional(list(text(check.checkCorsOrigin), { max: MAX.corsOriginsMax })),
    allowCredentials: optional(z.boolean()),
    allowMethods: optional(list(text(check.checkTokenOrAny), { max: MAX.corsMethodsMax })),
    allowHeaders: optional(list(text(check.checkTokenOrAny), { max: MAX.corsHeadersMax })),
    exposeHeaders: optional(list(text(check.checkTokenOrAny), { max: MAX.corsHeadersMax })),
    maxAge: optional(whole(1, 2_147_483_647)),
  },
  ({ allowOrigins, allowMethods, allowHeaders }) => {
    const mixed = [allowOrigins, allowMethods, allowHeaders].some((list = []) => list.length > 1 && list.includes("*"))
    return mixed ? complain("conflicting-values", '"*" must stand alone in its list') : undefined
  },
)

/** The key under which each type of filter says what it does. */
export const FILTER_KEYS: { readonly [type: string]: keyof T.FilterSpec } = {
  RequestHeaderModifier: "requestHeaderModifier",
  ResponseHeaderModifier: "responseHeaderModifier",
  RequestMirror: "requestMirror",
  RequestRedirect: "requestRedirect",
  URLRewrite: "urlRewrite",
  CORS: "cors",
  ExtensionRef: "extensionRef",
  ExternalAuth: "externalAuth",
}

const filter = object<T.FilterSpec>(
  "KubernetesFilter",
  {
    type: text(),
    requestHeaderModifier: optional(headerModifier),
    responseHeaderModifier: optional(headerModifier),
    requestMirror: optional(mirror),
    requestRedirect: optional(
      object<T.RedirectSpec>("KubernetesRedirect", {
        scheme: optional(text()),
        hostname: optional(text(check.checkHost)),
        path: optional(pathModifier),
        port: optional(port),
        statusCode: optional(z.int()),
      }),
    ),
    urlRewrite: optional(
      object<NonNullable<T.FilterSpec["urlRewrite"]>>("KubernetesRewrite", {
        hostname: optional(text(check.checkHost)),
        path: optional(pathModifier),
      }),
    ),
    cors: optional(cors),
    extensionRef: optional(anything),
    externalAuth: optional(anything),
  },
  (value) => {
    const key = FILTER_KEYS[value.type]
    if (key === undefined) return undefined
    if (!(key in value)) return complain("missing-key", `A filter of the type ${quote(value.type)} needs "${key}"`)
    const other = Object.values(FILTER_KEYS).find((one) => one !== key && one in value)
    return other && complain("conflicting-keys", `A filter of the type ${quote(value.type)} must not have "${other}"`)
  },
)
const filters = optional(list(filter, { max: MAX.filtersMax }))

const backendRef = object<T.BackendRefSpec>(
  "KubernetesBackendRef",
  { ...objectRefShape, weight: optional(whole(0, 1_000_000)), filters },
  (value) => checkServicePort(value) ?? checkFilters(value.filters),
)

const ruleShape = {
  name: optional(text(check.checkObjectName)),
  filters,
  backendRefs: optional(list(backendRef, { max: MAX.backendsMax })),
  sessionPersistence: optional(anything),
}

const httpRule = object<T.HttpRule>(
  "KubernetesHttpRule",
  {
    ...ruleShape,
    matches: optional(list(httpMatch, { max: MAX.matchesMax })),
    timeouts: optional(
      object<NonNullable<T.HttpRule["timeouts"]>>(
        "KubernetesTimeouts",
        {
          request: optional(text(check.checkGepDuration)),
          backendRequest: optional(text(check.checkGepDuration)),
        },
        ({ request, backendRequest }) => {
          const requestMs = parseDuration(request ?? "") ?? 0
          return requestMs > 0 && (parseDuration(backendRequest ?? "") ?? 0) > requestMs
            ? complain("attempt-outlasts-request", '"backendRequest" must not be longer than "request"')
            : undefined
        },
      ),
    ),
    retry: optional(
      object<NonNullable<T.HttpRule["retry"]>>("KubernetesRetry", {
        codes: optional(list(whole(400, 599), { max: 200 })),
        attempts: optional(whole(0, 1_000_000)),
        backoff: optional(text(check.checkGepDuration)),
      }),
    ),
  },
  (rule) => checkFilters(rule.filters) ?? checkRedirects(rule) ?? checkPrefixReplacement(rule),
)

const grpcRule = object<T.GrpcRule>(
  "KubernetesGrpcRule",
  { ...ruleShape, matches: optional(list(grpcMatch, { max: MAX.matchesMax })) },
  (rule) => checkFilters(rule.filters),
)

export const httpRouteSpec: z.ZodType<T.HttpRouteSpec> = routeSpec("KubernetesHttpRouteSpec", httpRule)
export const grpcRouteSpec: z.ZodType<T.GrpcRouteSpec> = routeSpec("KubernetesGrpcRouteSpec", grpcRule)

function routeSpec<R extends { name?: string; matches?: unknown[] }>(id: string, rule: z.ZodType<R>) {
  return object<T.RouteSpec<R>>(
    id,
    {
      parentRefs: optional(list(parentRef, { max: MAX.parentRefsMax })),
      hostnames: optional(list(text(check.checkRouteHostname), { max: MAX.hostnamesMax })),
      rules: optional(list(rule, { max: MAX.rulesMax })),
      useDefaultGateways: optional(anything),
    } as never,
    ({ rules }) => {
      const given = Array.isArray(rules) ? rules : []
      const names = given.flatMap((one) => one?.name ?? [])
      const twice = names.find((name, index) => names.indexOf(name) < index)
      if (twice !== undefined) return complain("duplicate-rule-name", `Two rules are called ${quote(twice)}`)
      const matches = given.reduce((sum, one) => sum + (Array.isArray(one?.matches) ? one.matches.length : 0), 0)
      if (matches <= MAX.matchesOfRouteMax) return undefined
      return complain("too-many", `The rules have ${matches} matches; at most ${MAX.matchesOfRouteMax} are allowed`)
    },
  )
}

/** Of most types only one may stand in a list. */
function checkFilters(filters: readonly T.FilterSpec[] | undefined): Complaint | undefined {
  const types = Array.isArray(filters) ? filters.map((one) => one?.type) : []
  const twice = types.find(
    (type, index) =>
      type !== "RequestMirror" && type !== "ExtensionRef" && type in FILTER_KEYS && types.indexOf(type) < index,
  )
  if (twice !== undefined) return complain("duplicate-filter", `The filter ${quote(twice)} stands here twice`)
  if (types.includes("RequestRedirect") && types.includes("URLRewrite")) {
    return complain("redirect-with-rewrite", "A redirect answers by itself, so nothing is left to rewrite")
  }
  return undefined
}

function checkRedirects({ filters, backendRefs }: T.HttpRule): Complaint | undefined {
  const redirects = Array.isArray(filters) && filters.some((filter) => filter?.type === "RequestRedirect")
  return redirects && Array.isArray(backendRefs) && backendRefs.length > 0
    ? complain("redirect-with-backends", "A redirect answers by itself, so no backend gets requests")
    : undefined
}

/** A new prefix needs one old prefix to replace. */
function checkPrefixReplacement({ filters, backendRefs, matches }: T.HttpRule): Complaint | undefined {
  const ofBackends = Array.isArray(backendRefs) ? backendRefs.flatMap((backend) => backend?.filters ?? []) : []
  const all = [...(Array.isArray(filters) ? filters : []), ...ofBackends]
  const replaces = all.some((filter) => {
    const path = filter?.requestRedirect?.path ?? filter?.urlRewrite?.path
    return path?.type === "ReplacePrefixMatch"
  })
  if (!replaces) return undefined
  const given = Array.isArray(matches) ? matches : [{}]
  const only = given.length <= 1 && (given[0]?.path?.type ?? "PathPrefix") === "PathPrefix"
  return only
    ? undefined
    : complain("prefix-without-prefix-match", '"ReplacePrefixMatch" needs exactly one match, and that of a path prefix')
}
