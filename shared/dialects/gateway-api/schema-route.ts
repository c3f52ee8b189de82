/** The shape of routes. What a cluster checks by expressions over several fields is checked here by functions. */
import * as z from "zod"
import { checkHeaderName, checkToken } from "#shared/config/checks.ts"
import { type Complaint, complain, quote } from "#shared/config/complaint.ts"
import { list, object, optional, text, whole } from "#shared/config/schema-kit.ts"
import { parseDuration } from "#shared/std/duration.ts"
import * as check from "./checks.ts"
import { GATEWAY_API_LIMITS as MAX } from "./limits.ts"
import { checkFilters, checkServicePort, filter, objectRefShape } from "./schema-filter.ts"
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

const filters = optional(list(filter, { max: MAX.filtersMax }))

const backendRef = object<T.BackendRefSpec>(
  "KubernetesBackendRef",
  { ...objectRefShape, weight: optional(whole(0, 1_000_000)), filters },
  (value) => checkServicePort(value) ?? checkFilters(value.filters),
)

const sessionCookie = object<T.SessionCookie>("KubernetesSessionCookie", {
  name: optional(text(checkToken)),
  lifetimeType: optional(text()),
  path: optional(text(check.checkPathValue)),
})

const session = object<T.SessionSpec>(
  "KubernetesSession",
  {
    type: optional(text()),
    absoluteTimeout: optional(text(check.checkGepDuration)),
    cookie: optional(sessionCookie),
    cookieConfig: optional(sessionCookie),
    sessionName: optional(text(checkToken)),
    header: optional(object<{ name?: string }>("KubernetesSessionHeader", { name: optional(text(checkHeaderName)) })),
  },
  ({ cookie, cookieConfig, absoluteTimeout }) =>
    (cookie ?? cookieConfig)?.lifetimeType === "Permanent" && absoluteTimeout === undefined
      ? complain("missing-key", 'A permanent cookie needs "absoluteTimeout"')
      : undefined,
)

const ruleShape = {
  name: optional(text(check.checkObjectName)),
  filters,
  backendRefs: optional(list(backendRef, { max: MAX.backendsMax })),
  sessionPersistence: optional(session),
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
