/** The shape of access policies in documents. */
import * as z from "zod"
import type * as D from "#shared/model/access-document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import * as syntax from "./access-syntax.ts"
import * as check from "./checks.ts"
import { type Check, type Complaint, complain } from "./complaint.ts"
import { checkPath } from "./path-syntax.ts"
import { conflict, list, named, object, oneOf, optional, text, whole } from "./schema-kit.ts"
import { checkTarget, targetShape } from "./schema-target.ts"

const several = <T>(item: z.ZodType<T>) => list(item, { min: 1, max: LIMITS.policyValuesMax })
const patterns = (one: Check) => several(text(one))

const services = patterns(syntax.checkServicePattern)
const namespaces = patterns(syntax.checkNamespacePattern)
const principals = patterns(syntax.checkPrincipal)
const plain = patterns(syntax.checkFilledPattern)
const networks = patterns(syntax.checkNetwork)
const hosts = patterns(syntax.checkHostPattern)
const methods = patterns(syntax.checkMethodPattern)
const rpc = patterns(syntax.checkRpcPattern)
const ports = several(whole(1, 65_535))
const claims = named(syntax.checkClaim, plain, { max: LIMITS.policyConditionsMax })

const path: z.ZodType<D.PolicyPathDocument> = z.union([
  text(syntax.checkPathPattern),
  oneOf<Exclude<D.PolicyPathDocument, string>>("PolicyPath", {
    exact: text(syntax.PATH_FORMS.exact, { pattern: "^/" }),
    prefix: text(syntax.PATH_FORMS.prefix, { pattern: "^/" }),
    template: text(syntax.PATH_FORMS.template, { pattern: "^/" }),
  }),
])
const paths = several(path)

/** An object that says nothing would hold for everything: who means that leaves it out. */
function saysSomething(value: object): Complaint | undefined {
  if (Object.keys(value).length > 0) return undefined
  return complain(
    "empty-object",
    "This says nothing, and would hold for every request",
    "leave it out if that is meant",
  )
}

const source = object<D.PolicySourceDocument>(
  "PolicySource",
  {
    services: optional(services, "Calling services: `name`, `namespace/name`, `namespace/*`, `*`."),
    notServices: optional(services),
    namespaces: optional(namespaces, "Namespaces of calling services."),
    notNamespaces: optional(namespaces),
    gateways: optional(services, "Gateways by which public traffic came in."),
    notGateways: optional(services),
    principals: optional(principals, "End users: `<issuer>/<subject>`, `<issuer>/*`, `*`."),
    notPrincipals: optional(principals),
    claims: optional(
      claims,
      "Claims of the end user's token, by the way to them: `groups`, `realm_access.roles`, `[https://example.com/roles]`.",
    ),
    notClaims: optional(claims),
    keyOwners: optional(plain, "Owners of API keys."),
    notKeyOwners: optional(plain),
    keyScopes: optional(plain, "Scopes of API keys: one of them is enough."),
    notKeyScopes: optional(plain),
    ipBlocks: optional(networks, "The public client's address: `10.0.0.0/8`, `2001:db8::1`."),
    notIpBlocks: optional(networks),
  },
  saysSomething,
)

const operation = object<D.PolicyOperationDocument>(
  "PolicyOperation",
  {
    hosts: optional(hosts),
    notHosts: optional(hosts),
    ports: optional(ports),
    notPorts: optional(ports),
    methods: optional(methods),
    notMethods: optional(methods),
    paths: optional(
      paths,
      "A string is Istio's: `/admin` that path only, `/admin*` what begins with it, `*.css` what ends with it, `/users/{id}/{**}` a template. `{ prefix: /admin }` takes `/admin` and all below it.",
    ),
    notPaths: optional(paths),
    rpc: optional(rpc, "RPC methods."),
    notRpc: optional(rpc),
  },
  saysSomething,
)

const condition = object<D.PolicyConditionDocument>(
  "PolicyCondition",
  {
    key: text((key) => {
      const read = syntax.readKey(key)
      return "rule" in read ? read : undefined
    }),
    values: optional(several(z.string())),
    notValues: optional(several(z.string())),
  },
  ({ values, notValues }) =>
    values || notValues ? undefined : complain("missing-key", 'One of "values", "notValues" must be there'),
)

const alternatives = <T>(one: z.ZodType<T>) => list(one, { min: 1, max: LIMITS.policySourcesMax })
const rule = object<D.PolicyRuleDocument>("PolicyRule", {
  from: optional(alternatives(source), "Who sends the request: one of these. Without: anybody."),
  to: optional(alternatives(operation), "What it asks for: one of these. Without: anything."),
  when: optional(list(condition, { min: 1, max: LIMITS.policyConditionsMax }), "All of these must hold too."),
})

const headerNames = list(text(check.checkHeaderName), { max: LIMITS.authorizerHeadersMax })
const changedNames = list(text(check.checkChangedHeader), { max: LIMITS.authorizerHeadersMax })
const authorizer = object<D.AuthorizerDocument>("Authorizer", {
  service: text(check.checkReference),
  path: optional(
    text(checkPath, { pattern: "^/" }),
    "Stands before the request's own path when the authorizer is asked.",
  ),
  requestHeaders: optional(
    list(
      text((name) => (name === "*" ? undefined : check.checkHeaderName(name))),
      { max: LIMITS.authorizerHeadersMax },
    ),
    "The request's headers that the authorizer sees; `*` for all of them. Default `authorization`.",
  ),
  bodyBytes: optional(
    whole(1, LIMITS.authorizerBodyBytesMax),
    "The request's body goes along if it has at most so many bytes; a larger one is refused. Default: no body.",
  ),
  upstreamHeaders: optional(
    changedNames,
    "The authorizer's headers that go to the service when it allows, in the place of the request's own.",
  ),
  clientHeaders: optional(
    headerNames,
    "The authorizer's headers that go to the client when it refuses. Default `www-authenticate`, `location`, `set-cookie`.",
  ),
  timeout: optional(text(check.checkDuration(1, LIMITS.authorizerMsMax, "a request waits for it")), "Default `500ms`."),
  whenUnavailable: optional(
    z.enum(["allow", "deny"]),
    "What becomes of a request when the authorizer cannot be asked, is too slow, or fails. Default `deny`.",
  ),
})

export const accessPolicy = object<D.AccessPolicyDocument>(
  "AccessPolicy",
  {
    ...targetShape,
    action: optional(
      z.enum(["allow", "deny", "audit", "custom"]),
      "What becomes of the requests that a rule takes. Default `allow`.",
    ),
    rules: optional(list(rule, { max: LIMITS.policyRulesMax }), "An empty list takes no request."),
    authorizer: optional(authorizer, "Who is asked about the requests that a rule takes; with the action `custom`."),
    default: optional(
      z.enum(["allow", "deny"]),
      "What holds where no policy allows anything. Of several the one for the narrowest target counts.",
    ),
    dryRun: optional(z.literal(true), "Decides nothing; what it would have decided stands in the access log."),
  },
  checkPolicy,
)

function checkPolicy(value: D.AccessPolicyDocument): Complaint | undefined {
  const excluded =
    checkTarget(value) ??
    conflict(value, ["default", "action"]) ??
    conflict(value, ["default", "rules"]) ??
    conflict(value, ["default", "authorizer"])
  if (excluded) return excluded
  if (!value.default && !value.rules) {
    return complain("missing-key", 'One of "rules", "default" must be there', 'write "rules: []" to allow nothing')
  }
  const isCustom = value.action === "custom"
  if (isCustom && !value.authorizer) return complain("missing-key", 'The action "custom" needs an "authorizer"')
  if (!isCustom && value.authorizer) {
    return complain("no-effect", 'Only the action "custom" asks an authorizer', 'write "action: custom"')
  }
  if (value.dryRun && (isCustom || value.action === "audit")) {
    return complain("no-effect", `A policy with the action "${value.action}" has no dry run`, 'leave "dryRun" out')
  }
  return undefined
}
