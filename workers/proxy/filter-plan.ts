/** The filters that a request meets, by kind: sorted once for all requests that take the same rule to the same backend. */
import type { Filter } from "#shared/model/route.ts"

type Kind = Filter["kind"]
export type FilterOf<K extends Kind> = Extract<Filter, { kind: K }>

/** Of each kind the rule's, then the backend's. */
export type FilterPlan = { readonly [K in Kind]: readonly FilterOf<K>[] } & {
  /** Some of them can answer, or refuse, before anything is sent. */
  readonly mayAnswer: boolean
  readonly changesAnswer: boolean
}

/** By the rule's filters, then by the backend's. */
const plans = new WeakMap<readonly Filter[], WeakMap<readonly Filter[], FilterPlan>>()

/** Undefined when there are none. */
export function planOf(ofRule: readonly Filter[], ofBackend: readonly Filter[]): FilterPlan | undefined {
  if (ofRule.length === 0 && ofBackend.length === 0) return undefined
  const known = plans.get(ofRule)?.get(ofBackend)
  if (known) return known
  const plan = sorted([...ofRule, ...ofBackend])
  plans.set(ofRule, (plans.get(ofRule) ?? new WeakMap()).set(ofBackend, plan))
  return plan
}

function sorted(filters: readonly Filter[]): FilterPlan {
  const each = <K extends Kind>(kind: K) => filters.filter((filter): filter is FilterOf<K> => filter.kind === kind)
  const has = (...kinds: readonly Kind[]) => filters.some(({ kind }) => kinds.includes(kind))
  return {
    limits: each("limits"),
    cors: each("cors"),
    fault: each("fault"),
    redirect: each("redirect"),
    respond: each("respond"),
    requestHeaders: each("requestHeaders"),
    rewrite: each("rewrite"),
    mirror: each("mirror"),
    responseHeaders: each("responseHeaders"),
    mayAnswer: has("limits", "cors", "fault", "redirect", "respond"),
    changesAnswer: has("responseHeaders", "cors"),
  }
}
