/** Who has to prove who they are, and who may do what: the part of a mesh that older proxies must not pass over. */
import type { Resource } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import type { Problem } from "#shared/model/problem.ts"
import type { Security } from "#shared/model/snapshot.ts"
import type { Report } from "./complaint.ts"
import type { Translation } from "./dialect.ts"
import { compare } from "./merge.ts"
import type { ResourceKey } from "./parse.ts"
import { resolveAccessPolicy } from "./resolve-access.ts"
import { resolveAuthentication } from "./resolve-authentication.ts"
import type { Names, Scope } from "./scope.ts"

export interface ResolvedSecurity {
  readonly security: Security
  readonly problems: readonly Problem[]
}

/** Of native resources. `foreign` is what objects in other languages say. */
export function resolveSecurity(
  resources: readonly Resource[],
  foreign: Pick<Translation, "policies" | "authentications">,
  names: Names,
  reportFor: (resource: ResourceKey) => Report,
): ResolvedSecurity {
  const each = <T>(kind: string, one: (resource: Resource, scope: Scope) => T | undefined): T[] =>
    resources
      .filter((resource) => resource.kind === kind)
      .flatMap((resource) => {
        const scope = { ...names, namespace: resource.namespace, report: reportFor(resource) }
        return one(resource, scope) ?? []
      })
  const authentications = [...each("Authentication", resolveAuthentication), ...(foreign.authentications ?? [])]
  const policies = [...each("AccessPolicy", resolveAccessPolicy), ...(foreign.policies ?? [])]
  return {
    security: {
      ...(authentications.length > 0 && { authentications: byId(authentications) }),
      ...(policies.length > 0 && { policies: byId(policies) }),
    },
    problems: [
      ...tooMany("authentications", authentications.length, LIMITS.authenticationsMax),
      ...tooMany("access policies", policies.length, LIMITS.policiesMax),
    ],
  }
}

export function byId<T extends { readonly id: string }>(things: readonly T[]): T[] {
  return [...things].sort((a, b) => compare(a.id, b.id))
}

export function tooMany(noun: string, count: number, max: number): Problem[] {
  if (count <= max) return []
  return [{ path: noun, rule: "too-many", message: `The mesh would have ${count} ${noun}; at most ${max} are allowed` }]
}
