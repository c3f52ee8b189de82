/**
 * The shape of Istio's security objects, as strict as Istio's own admission: what it would refuse, or would skip in silence where a
 * policy is meant to refuse somebody, refuses the apply.
 */
import * as z from "zod"
import { checkIssuer } from "#shared/config/authentication-checks.ts"
import { checkHeaderName } from "#shared/config/checks.ts"
import { type Complaint, complain, hintFrom, quote } from "#shared/config/complaint.ts"
import { list, named, object, optional, text } from "#shared/config/schema-kit.ts"
import { checkNamespace, checkObjectName } from "#shared/dialects/gateway-api/checks.ts"
import type { Metadata } from "#shared/dialects/gateway-api/types.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { parseNetwork } from "#shared/std/ip.ts"
import { pathPatternFault } from "#shared/std/path-pattern.ts"
import { ATTRIBUTES, attributeOf } from "./attributes.ts"
import type * as T from "./types.ts"

const labels = named(() => undefined, text(), { max: 1_000 })

const metadata = object<Metadata>("IstioMetadata", {
  name: text(checkObjectName),
  namespace: optional(text(checkNamespace)),
  labels: optional(labels),
  annotations: optional(labels),
  creationTimestamp: optional(text()),
})

const targetRef = object<T.TargetRef>("IstioTargetRef", {
  group: optional(text()),
  kind: text(),
  name: text(),
  namespace: optional(text(checkNamespace)),
})

const selecting = {
  selector: optional(object("IstioSelector", { matchLabels: optional(labels) })),
  targetRef: optional(targetRef),
  targetRefs: optional(list(targetRef, { max: LIMITS.targetsMax })),
}

function checkSelecting(value: T.Selecting): Complaint | undefined {
  const given = ["selector", "targetRef", "targetRefs"].filter((key) => key in value)
  if (given.length < 2) return undefined
  return complain("conflicting-keys", `${given.map(quote).join(" and ")} exclude each other`, "keep one of them")
}

function filled(value: string): Complaint | undefined {
  return value === "" ? complain("empty-value", "A value must not be empty") : undefined
}

const several = (check: (value: string) => Complaint | undefined = filled) =>
  optional(list(text(check), { max: LIMITS.policyValuesMax }))
const networks = several(checkNetwork)
const ports = several(checkPort)
const paths = several(checkPathPattern)

const source = object<T.SourceSpec>("IstioSource", {
  principals: several(),
  notPrincipals: several(),
  requestPrincipals: several(),
  notRequestPrincipals: several(),
  namespaces: several(),
  notNamespaces: several(),
  serviceAccounts: several(checkServiceAccount),
  notServiceAccounts: several(checkServiceAccount),
  trustDomains: several(),
  notTrustDomains: several(),
  ipBlocks: networks,
  notIpBlocks: networks,
  remoteIpBlocks: networks,
  notRemoteIpBlocks: networks,
})

const operation = object<T.OperationSpec>("IstioOperation", {
  hosts: several(),
  notHosts: several(),
  ports,
  notPorts: ports,
  methods: several(),
  notMethods: several(),
  paths,
  notPaths: paths,
})

const condition = object<T.ConditionSpec>(
  "IstioCondition",
  { key: text(checkKey), values: several(), notValues: several() },
  (value) => {
    if (!value.values?.length && !value.notValues?.length) {
      return complain("missing-key", 'One of "values", "notValues" must be there')
    }
    const attribute = attributeOf(value.key)
    const check = attribute?.by === "address" ? checkNetwork : attribute?.by === "port" ? checkPort : filled
    return [...(value.values ?? []), ...(value.notValues ?? [])].map(check).find((one) => one !== undefined)
  },
)

const rule = object<T.RuleSpec>("IstioRule", {
  from: optional(list(object("IstioFrom", { source: optional(source) }), { max: LIMITS.policySourcesMax })),
  to: optional(list(object("IstioTo", { operation: optional(operation) }), { max: LIMITS.policySourcesMax })),
  when: optional(list(condition, { max: LIMITS.policyConditionsMax / 2 })),
})

const authorizationPolicy = object<T.AuthorizationPolicySpec>(
  "IstioAuthorizationPolicySpec",
  {
    ...selecting,
    action: optional(z.enum(["ALLOW", "DENY", "AUDIT", "CUSTOM"])),
    provider: optional(object("IstioProvider", { name: text(filled) })),
    rules: optional(list(rule, { max: LIMITS.policyRulesMax })),
  },
  (value) =>
    checkSelecting(value) ??
    ((value.action === "CUSTOM") === (value.provider !== undefined)
      ? undefined
      : complain("missing-key", 'The action "CUSTOM" and a "provider" need each other')),
)

const jwtRule = object<T.JwtRuleSpec>(
  "IstioJwtRule",
  {
    issuer: text(checkIssuer),
    audiences: several(),
    jwksUri: optional(text(filled)),
    jwks: optional(text(filled)),
    fromHeaders: optional(
      list(object("IstioFromHeader", { name: text(checkHeaderName), prefix: optional(text()) }), {
        max: LIMITS.credentialPlacesMax,
      }),
    ),
    fromParams: several(),
    fromCookies: several(),
    forwardOriginalToken: optional(z.boolean()),
    outputPayloadToHeader: optional(text(checkHeaderName)),
    outputClaimToHeaders: optional(
      list(object("IstioClaimHeader", { header: text(checkHeaderName), claim: text(filled) }), {
        max: LIMITS.claimHeadersMax,
      }),
    ),
    timeout: optional(text()),
    spaceDelimitedClaims: several(),
  },
  (value) =>
    value.jwks !== undefined && value.jwksUri !== undefined
      ? complain("conflicting-keys", '"jwks" and "jwksUri" exclude each other', "keep one of them")
      : undefined,
)

const requestAuthentication = object<T.RequestAuthenticationSpec>(
  "IstioRequestAuthenticationSpec",
  { ...selecting, jwtRules: optional(list(jwtRule, { max: LIMITS.tokenProvidersMax })) },
  checkSelecting,
)

function objectOf<S>(kind: string, spec: z.ZodType<S>): z.ZodType {
  return object<{ apiVersion: string; kind: string; metadata: Metadata; spec?: S }>(`Istio${kind}`, {
    apiVersion: text(),
    kind: text(),
    metadata,
    spec: optional(spec),
  } as never)
}

export const SCHEMAS: { readonly [kind: string]: z.ZodType } = {
  AuthorizationPolicy: objectOf("AuthorizationPolicy", authorizationPolicy),
  RequestAuthentication: objectOf("RequestAuthentication", requestAuthentication),
}

function checkNetwork(value: string): Complaint | undefined {
  return parseNetwork(value) ? undefined : complain("bad-address", `${quote(value)} is no IP address or network`)
}

function checkPort(value: string): Complaint | undefined {
  const port = /^[0-9]{1,5}$/.test(value) ? Number(value) : 0
  return port >= 1 && port <= 65_535 ? undefined : complain("bad-port", `${quote(value)} is no port`)
}

function checkServiceAccount(value: string): Complaint | undefined {
  if (!/[*]/.test(value) && /^[^/]+(\/[^/]+)?$/.test(value)) return undefined
  return complain("bad-reference", `${quote(value)} must be "name" or "namespace/name", without "*"`)
}

function checkPathPattern(value: string): Complaint | undefined {
  const fault = pathPatternFault(value)
  return fault === undefined ? filled(value) : complain("bad-template", `In the template ${quote(value)}, ${fault}`)
}

/** Istio leaves a rule out whose attribute it does not know: one that was to refuse would refuse nobody. */
function checkKey(key: string): Complaint | undefined {
  if (attributeOf(key)) return undefined
  return complain("unknown-attribute", `${quote(key)} is no attribute of Istio's`, hintFrom(key, "keys", ATTRIBUTES))
}
