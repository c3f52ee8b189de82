/** The shape of filters, and of references to backends, which mirrors have too. */
import * as z from "zod"
import { checkHeaderName, checkHeaderValue } from "#shared/config/checks.ts"
import { type Complaint, complain, quote } from "#shared/config/complaint.ts"
import { conflict, list, object, optional, text, whole } from "#shared/config/schema-kit.ts"
import * as check from "./checks.ts"
import { GATEWAY_API_LIMITS as MAX } from "./limits.ts"
import type * as T from "./types.ts"

const anything: z.ZodType<unknown> = z.unknown()
const port = whole(1, 65_535)

const headerValue = object("KubernetesHeader", { name: text(checkHeaderName), value: text(checkHeaderValue) })
const headerModifier = object<T.HeaderModifier>("KubernetesHeaderModifier", {
  set: optional(list(headerValue, { max: MAX.headerChangesMax })),
  add: optional(list(headerValue, { max: MAX.headerChangesMax })),
  remove: optional(list(text(checkHeaderName), { max: MAX.headerChangesMax })),
})

export function checkServicePort(value: T.ObjectRef): Complaint | undefined {
  const isService = (value.group ?? "") === "" && (value.kind ?? "Service") === "Service"
  return isService && value.port === undefined
    ? complain("missing-key", '"port" is missing; a reference to a Service must name its port')
    : undefined
}

export const objectRefShape = {
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

export const filter = object<T.FilterSpec>(
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
/** Of most types only one may stand in a list. */
export function checkFilters(filters: readonly T.FilterSpec[] | undefined): Complaint | undefined {
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
