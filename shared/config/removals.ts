/** Removals so large that somebody should have meant them: an empty folder, a wrong branch, a cleanup gone wrong. */
import type { Change, Resource } from "#shared/model/document.ts"
import type { Removal } from "#shared/protocol/control-api.ts"

const NAMES_MAX = 20
/** The removal of one resource by name is meant, unless it is the last of its kind. */
const REMOVED_MIN = 2

/** The kinds of which more than half goes, or the last one. */
export function largeRemovals(
  before: readonly Pick<Resource, "kind">[],
  changes: readonly Pick<Change, "action" | "kind" | "namespace" | "name">[],
): Removal[] {
  const count = (list: readonly { readonly kind: string }[], kind: string) =>
    list.filter((one) => one.kind === kind).length
  const removals = changes.filter(({ action }) => action === "remove")
  const added = changes.filter(({ action }) => action === "add")
  return [...new Set(removals.map(({ kind }) => kind))].flatMap((kind): Removal[] => {
    const gone = removals.filter((change) => change.kind === kind)
    const of = count(before, kind)
    const removed = gone.length
    const mostOfIt = removed >= REMOVED_MIN && removed * 2 > of
    const nothingLeft = of - removed + count(added, kind) === 0
    if (!mostOfIt && !nothingLeft) return []
    return [{ kind, removed, of, names: gone.slice(0, NAMES_MAX).map(({ namespace, name }) => `${namespace}/${name}`) }]
  })
}
