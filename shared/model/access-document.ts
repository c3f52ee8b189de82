/** How documents say who may do what. */
import type { TargetDocument } from "./target-document.ts"

/**
 * Without `services`, `gateways` and `mesh`: it covers every service of its namespace. Either `rules`, with an action, or a `default`.
 */
export interface AccessPolicyDocument extends TargetDocument {
  /** What becomes of the requests that a rule takes. Default `allow`. */
  action?: "allow" | "deny" | "audit" | "custom"
  /** An empty list takes no request. */
  rules?: PolicyRuleDocument[]
  /** Who is asked about the requests that a rule takes; with the action `custom`, and only there. */
  authorizer?: AuthorizerDocument
  /** What holds where no policy allows anything. Of several the one for the narrowest target counts. */
  default?: "allow" | "deny"
  /** Decides nothing; what it would have decided stands in the access log. */
  dryRun?: true
}

/** Takes a request when one of `from`, one of `to` and all of `when` do. */
export interface PolicyRuleDocument {
  from?: PolicySourceDocument[]
  to?: PolicyOperationDocument[]
  when?: PolicyConditionDocument[]
}

/**
 * Who sends the request; all that is written must hold, for one of its values. Values are texts, `prefix*`, `*suffix` or `*`; what begins
 * with `not` holds for other values than these.
 */
export interface PolicySourceDocument {
  /** Calling services: `name`, `namespace/name`, `namespace/*`, `*`. */
  services?: string[]
  notServices?: string[]
  /** Namespaces of calling services. */
  namespaces?: string[]
  notNamespaces?: string[]
  /** Gateways by which public traffic came in. */
  gateways?: string[]
  notGateways?: string[]
  /** End users: `<issuer>/<subject>`, `<issuer>/*`, `*`. */
  principals?: string[]
  notPrincipals?: string[]
  /** Claims of the end user's token, by the way to them: `groups`, `realm_access.roles`, `[https://example.com/roles]`. */
  claims?: { [name: string]: string[] }
  notClaims?: { [name: string]: string[] }
  /** Owners of API keys. */
  keyOwners?: string[]
  notKeyOwners?: string[]
  /** Scopes of API keys: one of them is enough. */
  keyScopes?: string[]
  notKeyScopes?: string[]
  /** The public client's address: `10.0.0.0/8`, `2001:db8::1`. */
  ipBlocks?: string[]
  notIpBlocks?: string[]
}

/** What the request asks for; all that is written must hold, for one of its values. */
export interface PolicyOperationDocument {
  hosts?: string[]
  notHosts?: string[]
  ports?: number[]
  notPorts?: number[]
  methods?: string[]
  notMethods?: string[]
  paths?: PolicyPathDocument[]
  notPaths?: PolicyPathDocument[]
  /** RPC methods. */
  rpc?: string[]
  notRpc?: string[]
}

/**
 * A string is Istio's: `/admin` that path only, `/admin*` what begins with it, `*.css` what ends with it, `/users/{id}/**` a template.
 * `{ prefix: /admin }` takes `/admin` and all below it.
 */
export type PolicyPathDocument = string | { exact: string } | { prefix: string } | { template: string }

/** A condition on one attribute, by Istio's name for it. */
export interface PolicyConditionDocument {
  /** `request.headers[x-role]`, `request.auth.claims[groups]`, `source.namespace`, `remote.ip`, … */
  key: string
  values?: string[]
  notValues?: string[]
}

/** A service of the mesh that is asked whether a request may pass: it answers 2xx to let it, and anything below 500 to refuse it. */
export interface AuthorizerDocument {
  service: string
  /** Stands before the request's own path when the authorizer is asked. */
  path?: string
  /** The request's headers that the authorizer sees; `*` for all of them. Default `authorization`. */
  requestHeaders?: string[]
  /** The request's body goes along if it has at most so many bytes; a larger one is refused. Default: no body. */
  bodyBytes?: number
  /** The authorizer's headers that go to the service when it allows, in the place of the request's own. */
  upstreamHeaders?: string[]
  /** The authorizer's headers that go to the client when it refuses. Default `www-authenticate`, `location`, `set-cookie`. */
  clientHeaders?: string[]
  /** Default `500ms`. */
  timeout?: string
  /** What becomes of a request when the authorizer cannot be asked, is too slow, or fails. Default `deny`. */
  whenUnavailable?: "allow" | "deny"
}
