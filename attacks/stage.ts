/** What a case's setup means: the documents of a mesh, how its upstreams answer, and what judges have to know of both. */
import type { CredentialDocument } from "#shared/model/authentication-document.ts"
import type { MeshDocument, RouteDocument, RuleDocument } from "#shared/model/document.ts"
import type { ArgumentName } from "./argued.ts"
import type { AttackRequest } from "./case.ts"
import { authenticationOf, type IssuerStage } from "./issuer.ts"
import type { Script, Via } from "./upstream.ts"
import { bindingOf, SERVICES, type ServiceName } from "./world.ts"

export interface Stage {
  readonly routes: Record<string, RouteDocument>
  /** The other resources, by document key. */
  readonly more: Omit<MeshDocument, "namespace" | "services" | "routes" | "authentication">
  /** Whose tokens are taken. */
  issuer?: IssuerStage
  /** Where API keys are taken from; they are made when the stage is set. */
  apiKeys?: { readonly required: boolean; readonly from: CredentialDocument }
  /** Where the case's request goes. */
  door: "ingress" | "control"
  script: Script
  /** Each case is run once for each. */
  vias: readonly Via[]
  facts: Facts
  /** Why the case cannot be as its file wants it; a key of `argued.ts`. */
  argued?: ArgumentName
  /** Control must not take such a mesh. */
  isRefused?: true
}

/** What judges have to know of a stage. */
export interface Facts {
  /** Paths that nobody may reach: whatever a server makes of what it receives, it must not be one of these or below. */
  guarded?: readonly string[]
  /** The only place that the upstream may be asked for, when the mesh rewrites paths. */
  confinedTo?: string
  /** Below which path requests come that are sent there. */
  rewritesFrom?: string
  /** A header that only the mesh may set, and its value where one is to be expected. */
  identity?: { readonly header: string; readonly value?: string }
  /** A request is sent so often, because only a part of them shows what is asked. */
  sends?: number
  /** The version of HTTP that the client speaks. */
  version?: "1.0"
  /** So many requests of one sender pass. */
  limit?: number
  /** So often a request may be tried at most. */
  attempts?: number
  /** What makes of the case's request one that must be served: without it, a mesh that refuses everything would pass. */
  benign?: Partial<AttackRequest>
  /** Credentials in the case's requests are tokens of the issuer, not any text. */
  tokens?: boolean
  /** A header of the upstream's answer that the client must not get. */
  keptFromClient?: string
}

export function emptyStage(): Stage {
  return { routes: {}, more: {}, door: "ingress", script: {}, vias: ["binding", "url"], facts: {} }
}

/** The document for one way of reaching the upstreams. */
export function documentOf(stage: Stage, via: Via, urlOf: (service: ServiceName) => string): MeshDocument {
  const { routes, more, issuer, apiKeys } = stage
  const place = (service: ServiceName) => (via === "url" ? { url: urlOf(service) } : { binding: bindingOf(service) })
  const services = Object.fromEntries(SERVICES.map((service) => [service, place(service)]))
  const authentication = {
    ...(issuer && { issuer: authenticationOf(issuer, via, urlOf) }),
    ...(apiKeys && { partners: { gateways: ["default"], required: apiKeys.required, keys: { from: [apiKeys.from] } } }),
  }
  return { ...more, services, routes, ...((issuer || apiKeys) && { authentication }) }
}

/** Adds rules to the route of a host, which is made when it is not there yet. */
export function addRules(stage: Stage, host: string, ...rules: readonly RuleDocument[]): void {
  const name = routeName(host)
  const known = stage.routes[name]
  stage.routes[name] = { ...known, hosts: [host], rules: [...(known?.rules ?? []), ...rules] }
}

/** What happens to every rule of the stage. */
export function changeRules(stage: Stage, change: (rule: RuleDocument) => RuleDocument): void {
  for (const route of Object.values(stage.routes)) route.rules = route.rules.map(change)
}

/** A rule that sends everything below a path to a service. */
export function forwarding(path: string, service: ServiceName = "upstream"): RuleDocument {
  return { match: { path }, backends: [{ service }] }
}

function routeName(host: string): string {
  return `host-${host.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "")}`
}
