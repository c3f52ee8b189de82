/** Istio's security objects, as far as this mesh reads them (security.istio.io/v1 and v1beta1). */
import type { Metadata } from "#shared/dialects/gateway-api/types.ts"

interface IstioObject<K extends string, S> {
  apiVersion: string
  kind: K
  metadata: Metadata
  spec?: S
}

export type AuthorizationPolicyObject = IstioObject<"AuthorizationPolicy", AuthorizationPolicySpec>
export type RequestAuthenticationObject = IstioObject<"RequestAuthentication", RequestAuthenticationSpec>

/** Which workloads an object is about; without any, all of its namespace. */
export interface Selecting {
  selector?: { matchLabels?: { [label: string]: string } }
  targetRef?: TargetRef
  targetRefs?: TargetRef[]
}

export interface TargetRef {
  group?: string
  kind: string
  name: string
  namespace?: string
}

export interface AuthorizationPolicySpec extends Selecting {
  action?: "ALLOW" | "DENY" | "AUDIT" | "CUSTOM"
  provider?: { name: string }
  rules?: RuleSpec[]
}

export interface RuleSpec {
  from?: { source?: SourceSpec }[]
  to?: { operation?: OperationSpec }[]
  when?: ConditionSpec[]
}

export interface SourceSpec {
  principals?: string[]
  notPrincipals?: string[]
  requestPrincipals?: string[]
  notRequestPrincipals?: string[]
  namespaces?: string[]
  notNamespaces?: string[]
  serviceAccounts?: string[]
  notServiceAccounts?: string[]
  trustDomains?: string[]
  notTrustDomains?: string[]
  ipBlocks?: string[]
  notIpBlocks?: string[]
  remoteIpBlocks?: string[]
  notRemoteIpBlocks?: string[]
}

export interface OperationSpec {
  hosts?: string[]
  notHosts?: string[]
  ports?: string[]
  notPorts?: string[]
  methods?: string[]
  notMethods?: string[]
  paths?: string[]
  notPaths?: string[]
}

export interface ConditionSpec {
  key: string
  values?: string[]
  notValues?: string[]
}

export interface RequestAuthenticationSpec extends Selecting {
  jwtRules?: JwtRuleSpec[]
}

export interface JwtRuleSpec {
  issuer: string
  audiences?: string[]
  jwksUri?: string
  jwks?: string
  fromHeaders?: { name: string; prefix?: string }[]
  fromParams?: string[]
  fromCookies?: string[]
  forwardOriginalToken?: boolean
  outputPayloadToHeader?: string
  outputClaimToHeaders?: { header: string; claim: string }[]
  timeout?: string
  spaceDelimitedClaims?: string[]
}
