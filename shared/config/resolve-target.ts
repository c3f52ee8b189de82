/**
 * Which traffic a security resource covers. Nobody but a namespace itself restricts or opens its services and gateways: only the
 * namespace `default`, the mesh's own, reaches all of them, by `mesh: true`.
 */
import {
  DEFAULT_GATEWAY,
  DEFAULT_NAMESPACE,
  type GatewayId,
  type Namespace,
  namespaceOf,
  type ServiceId,
} from "#shared/model/names.ts"
import type { Target } from "#shared/model/target.ts"
import type { TargetDocument } from "#shared/model/target-document.ts"
import type { Step } from "#shared/std/steps.ts"
import { complain, quote } from "./complaint.ts"
import { compare } from "./merge.ts"
import { findGateway, findService, gatewayIdIn, notGranted, type Scope } from "./scope.ts"

export function resolveTarget(scope: Scope, document: TargetDocument): Target {
  if (document.mesh) {
    if (scope.namespace !== DEFAULT_NAMESPACE) scope.report(["mesh"], notMeshWide(scope.namespace))
    return { of: "mesh" }
  }
  const { services, gateways } = document
  if (!services && !gateways) return { of: "namespace", namespace: scope.namespace as Namespace }
  return {
    of: "places",
    services: each(scope, "services", services, serviceOf),
    gateways: each(scope, "gateways", gateways, gatewayOf),
  }
}

function each<T extends string>(
  scope: Scope,
  key: "services" | "gateways",
  references: readonly string[] = [],
  find: (scope: Scope, reference: string, path: readonly Step[]) => T | undefined,
): T[] {
  const found = new Set<T>()
  for (const [index, reference] of references.entries()) {
    const id = find(scope, reference, [key, index])
    if (id === undefined) continue
    if (found.has(id)) scope.report([key, index], complain("duplicate-target", `${quote(reference)} stands here twice`))
    found.add(id)
  }
  return [...found].sort(compare)
}

function serviceOf(scope: Scope, reference: string, path: readonly Step[]): ServiceId | undefined {
  const id = findService(scope, reference, path)
  if (id === undefined || namespaceOf(id) === scope.namespace) return id
  notGranted(scope, "service", id, path)
  return undefined
}

/** Routes of any namespace may use the built-in gateway, but what holds for all of its traffic is its own namespace's to say. */
function gatewayOf(scope: Scope, reference: string, path: readonly Step[]): GatewayId | undefined {
  const builtIn = gatewayIdIn(scope.namespace, reference) === DEFAULT_GATEWAY
  if (builtIn && scope.namespace !== DEFAULT_NAMESPACE) {
    notGranted(scope, "gateway", DEFAULT_GATEWAY, path)
    return undefined
  }
  return findGateway(scope, reference, path)?.id
}

function notMeshWide(namespace: string) {
  const message = `What covers the whole mesh is for the namespace ${quote(DEFAULT_NAMESPACE)} to say, not ${quote(namespace)}`
  return complain("not-mesh-wide", message, 'leave "mesh" out to cover the services of this namespace')
}
