/** What a token that is limited to namespaces may see: its own, and of the rest of the mesh nothing but numbers. */
import type { Problem } from "#shared/model/problem.ts"
import type { Permission } from "#shared/protocol/control-api.ts"
import { problem } from "./problems.ts"

export type Bounds = Pick<Permission, "namespaces">
type Named = { readonly namespace: string }

export function within({ namespaces }: Bounds, namespace: string): boolean {
  return namespaces === undefined || namespaces.includes(namespace)
}

/** Of a list of resources, changes or notes those that the caller may read. */
export function visible<T extends Named>(caller: Bounds, all: readonly T[]): readonly T[] {
  return caller.namespaces === undefined ? all : all.filter(({ namespace }) => within(caller, namespace))
}

/** Of things that are named by an id, `namespace/name` or longer. */
export function visibleIds<T>(caller: Bounds, all: readonly T[], idOf: (one: T) => string): readonly T[] {
  return caller.namespaces === undefined ? all : all.filter((one) => within(caller, namespaceOfId(idOf(one))))
}

export function namespaceOfId(id: string): string {
  return id.split("/", 1)[0]!
}

/** A problem of somebody else's resource stays a reason, but its path and words are not for this caller. */
export function readable(caller: Bounds, problems: readonly Problem[]): readonly Problem[] {
  if (caller.namespaces === undefined) return problems
  return problems.map((one) => {
    if (!one.resource || within(caller, one.resource.namespace)) return one
    const message = "A resource of a namespace that this token may not read would have this problem"
    return { path: "", rule: one.rule, message }
  })
}

/** The refusal when some of the resources are not the caller's to change: all of them at once, each judged by itself. */
export function outside(
  caller: Bounds,
  declared: readonly { readonly kind: string; readonly namespace: string; readonly name: string }[],
  pathOf: (index: number) => Pick<Problem, "path" | "source">,
): Response | undefined {
  const problems = declared.flatMap((resource, index): Problem[] => {
    if (within(caller, resource.namespace)) return []
    const { kind, namespace, name } = resource
    const message = `The ${kind} ${namespace}/${name} is not in a namespace of this token`
    return [{ ...pathOf(index), rule: "namespace-not-allowed", message, hint: hintFor(caller), resource }]
  })
  return problems.length === 0 ? undefined : problem(403, limitsOf(caller), { problems })
}

export function limitsOf({ namespaces = [] }: Bounds): string {
  return `This token is limited to the ${namespaces.length === 1 ? "namespace" : "namespaces"} ${namespaces.join(", ")}.`
}

function hintFor({ namespaces = [] }: Bounds): string {
  return `declare it in ${namespaces.join(" or ")}, or ask somebody whose token is good for the whole mesh`
}
