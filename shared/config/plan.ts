/** What an apply would do: the difference of two lists of resources, by what they say and not by how they are spelled. */
import type { Change, Resource } from "#shared/model/document.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { keyText, sorted } from "./merge.ts"

/** Sorted by kind, namespace and name; empty exactly when both lists say the same. */
export function plan(before: readonly Resource[], after: readonly Resource[]): Change[] {
  const old = new Map(before.map((resource) => [keyText(resource), resource]))
  const changes: Change[] = []
  for (const resource of after) {
    const { kind, namespace, name, spec } = resource
    const previous = old.get(keyText(resource))
    old.delete(keyText(resource))
    if (!previous) changes.push({ action: "add", kind, namespace, name, after: spec })
    else if (canonicalJson(previous.spec) !== canonicalJson(spec)) {
      changes.push({ action: "change", kind, namespace, name, before: previous.spec, after: spec })
    }
  }
  for (const { kind, namespace, name, spec } of old.values()) {
    changes.push({ action: "remove", kind, namespace, name, before: spec })
  }
  return sorted(changes)
}
