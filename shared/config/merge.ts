/** What the mesh's resources will be: the head's, with those of an apply added or put in their place. */
import type { Resource } from "#shared/model/document.ts"
import type { Draft, ResourceKey } from "./parse.ts"

export interface MergeOptions {
  /** Also leave out every resource that is not applied. */
  readonly prune: boolean
  /** The number that the outcome will have: new resources are held since then. */
  readonly revision: number
}

/** Sorted by kind, namespace and name. Of a resource that is applied twice the last one counts. */
export function merge(head: readonly Resource[], applied: readonly Draft[], options: MergeOptions): Resource[] {
  const before = new Map(head.map((resource) => [keyText(resource), resource]))
  const after = options.prune ? new Map<string, Resource>() : new Map(before)
  for (const draft of applied) {
    const key = keyText(draft)
    after.set(key, { ...draft, since: before.get(key)?.since ?? options.revision })
  }
  return sorted([...after.values()])
}

/** One text for one resource's identity. */
export function keyText({ kind, namespace, name }: ResourceKey): string {
  return `${kind}/${namespace}/${name}`
}

export function sorted<T extends ResourceKey>(resources: readonly T[]): T[] {
  return [...resources].sort(
    (a, b) => compare(a.kind, b.kind) || compare(a.namespace, b.namespace) || compare(a.name, b.name),
  )
}

/** By code unit, which is the same everywhere; a locale is not. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
