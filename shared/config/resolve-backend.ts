/** References to where requests go. */

import { namespaceOf } from "#shared/model/names.ts"
import type { BackendRef } from "#shared/model/route.ts"
import type { Step } from "#shared/std/steps.ts"
import { findService, findSubset, notGranted, type Scope } from "./scope.ts"

/** Undefined when there is nothing of that name, or it may not be used; that has been reported. */
export function resolveReference(
  scope: Scope,
  reference: { readonly service: string; readonly subset?: string },
  path: readonly Step[],
  /** Traffic that comes to this service anyway may also be sent there, whatever its namespace. */
  own: ReadonlySet<string> = new Set(),
): BackendRef | undefined {
  const service = findService(scope, reference.service, [...path, "service"])
  if (service === undefined) return undefined
  if (namespaceOf(service) !== scope.namespace && !own.has(service)) {
    notGranted(scope, "service", service, [...path, "service"])
    return undefined
  }
  if (reference.subset === undefined) return { service }
  const subset = findSubset(scope, service, reference.subset, [...path, "subset"])
  return subset && { service, subset }
}
