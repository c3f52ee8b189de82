/** Objectives and receivers with names looked up and defaults filled in. They are control's alone: no snapshot has them. */
import type { Alerting, Receiver, Slo } from "#shared/model/alerting.ts"
import type { ReceiverDocument, SloDocument } from "#shared/model/alerting-document.ts"
import type { Resource } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { DEFAULT_NAMESPACE, type RouteId, routeId, serviceId, sloId } from "#shared/model/names.ts"
import type { Problem } from "#shared/model/problem.ts"
import { parseDuration } from "#shared/std/duration.ts"
import { type Complaint, complain, hintFrom, quote, type Report } from "./complaint.ts"
import type { ResourceKey } from "./parse.ts"
import { tooMany } from "./resolve-security.ts"
import { findService, type Names } from "./scope.ts"
import { canonicalUrl } from "./url.ts"

export const SLO = "ServiceLevelObjective"
export const RECEIVER = "Receiver"

/** Of resources that were checked when they were stored. What an older version of a mesh had, and this one cannot read, is left out. */
export function alertingOf(resources: readonly Resource[]): Alerting {
  return {
    slos: resources.filter(({ kind }) => kind === SLO).map(sloOf),
    receivers: resources.filter(({ kind }) => kind === RECEIVER).map(receiverOf),
  }
}

/** Whether what is to be judged, or who is to hear, may be another after these changes. */
export function concernsAlerting(changes: readonly ResourceKey[]): boolean {
  return changes.some(({ kind }) => kind === SLO || kind === RECEIVER)
}

/** Names that nothing has, and too much of it all. */
export function checkAlerting(
  resources: readonly Resource[],
  names: Names & { readonly routes: ReadonlySet<string> },
  broken: readonly ResourceKey[],
  reportFor: (resource: ResourceKey) => Report,
): Problem[] {
  const slos = resources.filter(({ kind }) => kind === SLO)
  const receivers = [...resources, ...broken].filter(({ kind }) => kind === RECEIVER).map(idOf)
  const isRouteKnown = (id: RouteId) =>
    names.routes.has(id) || broken.some((one) => one.kind.endsWith("Route") && idOf(one) === id)
  for (const resource of slos) {
    const { namespace, spec } = resource
    const { service, route, notify = [] } = spec as SloDocument
    const report = reportFor(resource)
    if (service !== undefined) findService({ ...names, namespace, report }, service, ["service"])
    if (route !== undefined && !isRouteKnown(routeId(namespace, route))) {
      const known = [...names.routes].filter((id) => id.startsWith(`${namespace}/`)).map((id) => id.split("/")[1]!)
      report(
        ["route"],
        complain("unknown-route", `No route is named ${quote(route)}`, hintFrom(route, "routes", known)),
      )
    }
    for (const [index, reference] of notify.entries()) {
      const complaint = checkReceiver(namespace, reference, receivers)
      if (complaint) report(["notify", index], complaint)
    }
  }
  for (const resource of resources.filter(({ kind }) => kind === RECEIVER)) {
    const { service } = (resource.spec as ReceiverDocument).webhook
    const scope = { ...names, namespace: resource.namespace, report: reportFor(resource) }
    if (service !== undefined) findService(scope, service, ["webhook", "service"])
  }
  return [
    ...tooMany("objectives", slos.length, LIMITS.slosMax),
    ...tooMany("receivers", receivers.length, LIMITS.receiversMax),
  ]
}

/** Those of `default` are for all: who carries a pager does so for the whole mesh. */
function checkReceiver(namespace: string, reference: string, receivers: readonly string[]): Complaint | undefined {
  const id = receiverIdIn(namespace, reference)
  const owner = id.slice(0, id.indexOf("/"))
  if (owner !== namespace && owner !== DEFAULT_NAMESPACE) {
    const message = `The receiver ${quote(id)} is in another namespace than this (${quote(namespace)})`
    return complain("reference-not-granted", message, "declare a receiver of your own")
  }
  if (receivers.includes(id)) return undefined
  const known = receivers.flatMap((one) => {
    if (one.startsWith(`${namespace}/`)) return one.slice(namespace.length + 1)
    return one.startsWith(`${DEFAULT_NAMESPACE}/`) ? one : []
  })
  return complain(
    "unknown-receiver",
    `No receiver is named ${quote(reference)}`,
    hintFrom(reference, "receivers", known),
  )
}

function sloOf({ namespace, name, spec }: Resource): Slo {
  const { service, route, target, latency, for: wait, minFailures, notify = [] } = spec as SloDocument
  const of =
    service === undefined
      ? ({ kind: "route", id: routeId(namespace, route!) } as const)
      : ({ kind: "service", id: serviceId(namespace, service) } as const)
  return {
    id: sloId(namespace, name),
    indicator: { of, ...(latency !== undefined && { latencyMs: parseDuration(latency)! }) },
    // 99.9 / 100 is not the nearest number to 0.999: without rounding the budget is off in its twelfth digit.
    target: Number((target / 100).toFixed(8)),
    forMs: wait === undefined ? LIMITS.alertForMsDefault : parseDuration(wait)!,
    minFailures: minFailures ?? LIMITS.minFailuresDefault,
    notify: notify.map((reference) => receiverIdIn(namespace, reference)),
  }
}

function receiverOf(resource: Resource): Receiver {
  const { url, service, path = "/", secret } = (resource.spec as ReceiverDocument).webhook
  const id = idOf(resource)
  if (service !== undefined) return { id, service: serviceId(resource.namespace, service), path, secret }
  return { id, url: canonicalUrl(url!), secret }
}

function receiverIdIn(namespace: string, reference: string): string {
  return reference.includes("/") ? reference : `${namespace}/${reference}`
}

function idOf({ namespace, name }: ResourceKey): string {
  return `${namespace}/${name}`
}
