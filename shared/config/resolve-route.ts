/** Routes: where each is attached, and its rules. */
import type { Resource, RouteDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { DEFAULT_GATEWAY, type GatewayId, type Namespace, nameOf, namespaceOf, routeId } from "#shared/model/names.ts"
import type { Attachment, Gateway, Listener, Route } from "#shared/model/route.ts"
import { ANY_HOST, intersect } from "#shared/routing/hostnames.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { complain, hintFrom, quote } from "./complaint.ts"
import { type Delegates, type DelegatingContext, rulesOf } from "./delegate.ts"
import { findGateway, findService, type Scope } from "./scope.ts"

export interface RouteScope extends Scope {
  readonly delegates: Delegates
}

export function resolveRoute(resource: Resource, document: RouteDocument, scope: RouteScope): Route {
  const id = routeId(resource.namespace, resource.name)
  const inMesh = serviceAttachments(document, scope)
  // Public traffic does not come to a service anyway: sending it to another namespace's service needs that one's consent.
  const own = new Set<string>(document.hosts ? [] : inMesh.map((attachment) => attachment.service))
  const order = document.order ?? "specific"
  const context: DelegatingContext = { ...scope, route: id, own, order, trail: [] }
  const rules = document.rules.flatMap((rule, index) => rulesOf(context, rule, index))
  const attachments: Attachment[] = [...gatewayAttachments(document, scope), ...inMesh]
  const route: Route = { id, attachments, order, since: resource.since, rules }
  checkAttached(document, attachments, scope)
  checkRules(document, route, scope)
  return route
}

type ServiceAttachment = Extract<Attachment, { to: "service" }>

/** For a service of another namespace the route holds for callers of its own namespace only (GAMMA: consumer route). */
function serviceAttachments({ service, services }: RouteDocument, scope: Scope): ServiceAttachment[] {
  const references = services ?? (service === undefined ? [] : [service])
  const seen = new Set<string>()
  return references.flatMap((reference, index) => {
    const path = services ? ["services", index] : ["service"]
    const id = findService(scope, reference, path)
    if (id === undefined) return []
    if (seen.has(id))
      scope.report(path, complain("duplicate-service", `The service ${quote(reference)} stands here twice`))
    seen.add(id)
    if (namespaceOf(id) === scope.namespace) return [{ to: "service", service: id }]
    return [{ to: "service", service: id, consumers: scope.namespace as Namespace }]
  })
}

interface Entrance {
  readonly id: GatewayId
  /** Absent: all of the gateway's. */
  readonly listener?: string
  readonly listeners: readonly Listener[]
}

function gatewayAttachments(document: RouteDocument, scope: Scope): Attachment[] {
  if (!document.hosts) return []
  const entrances = entrancesOf(document, scope)
  const seen = new Set<string>()
  const attachments = document.hosts.flatMap((host, index): Attachment[] => {
    const path = ["hosts", index]
    if (seen.has(host)) {
      scope.report(path, complain("duplicate-hostname", `The hostname ${quote(host)} stands here twice`))
      return []
    }
    seen.add(host)
    const found = entrances.flatMap((entrance) => through(entrance, host))
    if (found.length === 0 && entrances.length > 0) {
      const served = [
        ...new Set(entrances.flatMap(({ listeners }) => listeners.map(({ hostname }) => hostname ?? ANY_HOST))),
      ]
      const hint = `the gateway's listeners serve: ${served.sort().join(", ")}`
      scope.report(path, complain("hostname-not-served", `No listener serves the hostname ${quote(host)}`, hint))
    }
    return found
  })
  // Listeners may narrow two hostnames to one.
  return [...new Map(attachments.map((attachment) => [canonicalJson(attachment), attachment])).values()]
}

/** By which doors of one gateway a host's requests come in: a listener narrows the host to what it serves. */
function through({ id, listener, listeners }: Entrance, host: string): Attachment[] {
  const open = listeners.every(({ hostname }) => hostname === undefined)
  if (open) return [{ to: "gateway", gateway: id, ...(listener !== undefined && { listener }), hostname: host }]
  return listeners.flatMap(({ name, hostname: served }) => {
    const hostname = intersect(served ?? ANY_HOST, host)
    return hostname === undefined ? [] : [{ to: "gateway", gateway: id, listener: name, hostname } as const]
  })
}

function entrancesOf(document: RouteDocument, scope: Scope): Entrance[] {
  if (!document.gateways) {
    const builtIn = scope.gateways.get(DEFAULT_GATEWAY)
    return [{ id: DEFAULT_GATEWAY, listeners: builtIn && builtIn !== "broken" ? builtIn.listeners : [] }]
  }
  const seen = new Set<string>()
  return document.gateways.flatMap((reference, index) => {
    const path = ["gateways", index]
    const [name = "", listener] = reference.split("#")
    const found = findGateway(scope, name, path)
    if (!found) return []
    if (seen.has(reference))
      scope.report(path, complain("duplicate-gateway", `The gateway ${quote(reference)} stands here twice`))
    seen.add(reference)
    const { id, gateway } = found
    if (listener === undefined) return [{ id, listeners: gateway?.listeners ?? [] }]
    if (scope.gateways.get(id) === "broken") return []
    const chosen = findListener(scope, id, gateway, listener, index)
    return chosen ? [{ id, listener, listeners: [chosen] }] : []
  })
}

function findListener(scope: Scope, id: GatewayId, gateway: Gateway | undefined, name: string, index: number) {
  const found = gateway?.listeners.find((listener) => listener.name === name)
  if (found) return found
  const known = gateway?.listeners.map((listener) => listener.name) ?? []
  const message = `The gateway ${quote(nameOf(id))} has no listener ${quote(name)}`
  scope.report(["gateways", index], complain("unknown-listener", message, hintFrom(name, "listeners", known)))
  return undefined
}

function checkAttached(document: RouteDocument, attachments: readonly Attachment[], scope: Scope): void {
  if (document.gateways && !document.hosts) {
    const hint = 'add "hosts", for instance ["*"]'
    scope.report(
      ["gateways"],
      complain("gateways-without-hosts", '"gateways" says where "hosts" are served, and there are none', hint),
    )
  }
  if (attachments.length > LIMITS.attachmentsMax) {
    const message = `Hostnames and listeners make ${attachments.length} combinations; at most ${LIMITS.attachmentsMax} are allowed`
    scope.report(["hosts"], complain("too-many", message))
  }
}

function checkRules(document: RouteDocument, { rules }: Route, scope: Scope): void {
  const seen = new Set<string>()
  for (const [index, rule] of document.rules.entries()) {
    const name = rule.name ?? String(index)
    if (seen.has(name)) {
      scope.report(
        ["rules", index, "name"],
        complain("duplicate-rule-name", `Another rule is called ${quote(name)} already`),
      )
    }
    seen.add(name)
  }
  if (rules.length > LIMITS.rulesMax) {
    const message = `With those of other routes there are ${rules.length} rules; at most ${LIMITS.rulesMax} are allowed`
    scope.report(["rules"], complain("too-many", message, "give some of the paths a route of their own"))
  }
}
