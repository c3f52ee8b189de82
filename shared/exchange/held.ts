/**
 * What holds for a request that is sent on, beyond where it goes: timeouts, retries, limits, the policy of its service and of the places that
 * take it. As leaves with their values, so that two meshes are compared by what people write: `timeout 1s`.
 */
import type { Rule } from "#shared/model/route.ts"
import { type Endpoint, placeOf, type Service } from "#shared/model/service.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { formatDuration } from "#shared/std/duration.ts"

/** By leaf: `retry.attempts` is `3`. */
export type Held = ReadonlyMap<string, string>

/** The leaves of one side that the other has otherwise: more are counted only. */
const LEAVES_MAX = 6
const VALUE_CHARS_MAX = 80
const NOTHING: Held = new Map()

export class Holdings {
  readonly #rules: ReadonlyMap<string, Rule>
  readonly #services: ReadonlyMap<string, Service>
  readonly #known = new Map<string, Held>()

  constructor({ routes, services }: Pick<Snapshot, "routes" | "services">) {
    this.#rules = new Map(routes.flatMap(({ rules }) => rules.map((rule) => [rule.id as string, rule])))
    this.#services = new Map(services.map((service) => [service.id as string, service]))
  }

  /** `rule`: its id, "" for none; `backend`: `default/orders/v2`. */
  of(rule: string, backend: string): Held {
    const key = `${rule} ${backend}`
    const known = this.#known.get(key)
    if (known) return known
    const held = this.#read(this.#rules.get(rule), backend)
    this.#known.set(key, held)
    return held
  }

  #read(rule: Rule | undefined, backend: string): Held {
    const [namespace, name, subset] = backend.split("/")
    const service = this.#services.get(`${namespace}/${name}`)
    const endpoints =
      subset === undefined
        ? service?.endpoints
        : Object.entries(service?.subsets ?? {}).find(([one]) => one === subset)?.[1].endpoints
    // By their names: that they are counted under another id is no difference to whom they let through.
    const limits = (rule?.rateLimits ?? []).map(({ id: _id, name, ...limit }) => [name, limit] as const)
    const whole = {
      // In the words of documents.
      ...(rule && {
        ...{ timeoutMs: rule.timeouts.requestMs, attemptTimeoutMs: rule.timeouts.attemptMs },
        ...{ idleTimeoutMs: rule.timeouts.idleMs, retry: rule.retry, priority: rule.priority },
      }),
      ...(limits.length > 0 && { rateLimits: Object.fromEntries(limits) }),
      ...service?.policy,
      ...(endpoints && { endpoints: endpoints.map(endpointText).join(" ") }),
    }
    const leaves = new Map<string, string>()
    add(leaves, "", whole)
    return leaves.size === 0 ? NOTHING : leaves
  }
}

/** Equal ones have equal keys. */
export function keyOfHeld(held: Held): string {
  return [...held].map(([leaf, value]) => `${leaf} ${value}`).join("\n")
}

/** What the first has otherwise than the second, in words: `timeout 1s, no retry`. */
export function heldOtherwise(held: Held, other: Held): string {
  const words = [...held]
    .filter(([leaf, value]) => other.get(leaf) !== value)
    .map(([leaf, value]) => `${leaf} ${value.slice(0, VALUE_CHARS_MAX)}`)
  for (const leaf of other.keys()) {
    if (held.has(leaf)) continue
    const word = `no ${absentPart(leaf, held)}`
    if (!words.includes(word)) words.push(word)
  }
  const more = words.length - LEAVES_MAX
  return [...words.slice(0, LEAVES_MAX), ...(more > 0 ? [`${more} more`] : [])].join(", ")
}

/** The largest part that is missing: of a limit that is gone, not each of its figures. */
function absentPart(leaf: string, held: Held): string {
  const parts = leaf.split(".")
  for (let length = 1; length < parts.length; length++) {
    const part = parts.slice(0, length).join(".")
    if (![...held.keys()].some((one) => one.startsWith(`${part}.`))) return part
  }
  return leaf
}

function add(leaves: Map<string, string>, path: string, value: unknown): void {
  if (value === undefined) return
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [name, part] of Object.entries(value)) add(leaves, path === "" ? name : `${path}.${name}`, part)
    return
  }
  const isTime = path.endsWith("Ms") && typeof value === "number"
  if (isTime) leaves.set(path.slice(0, -2), formatDuration(value))
  else leaves.set(path, textOf(value))
}

function textOf(value: unknown): string {
  if (!Array.isArray(value)) return String(value)
  return value.map((one) => (typeof one === "object" ? canonicalJson(one) : String(one))).join(" ")
}

/** `ORDERS_V2`, `https://orders.example.com (weight 2)`. */
function endpointText(endpoint: Endpoint): string {
  const { weight, region } = endpoint
  const [identity, mtls] = endpoint.kind === "url" ? [endpoint.identity, endpoint.mtls] : []
  const more = [
    ...[weight !== undefined && `weight ${weight}`, region !== undefined && `region ${region}`],
    ...[identity && `identity ${canonicalJson(identity)}`, mtls !== undefined && `mtls ${mtls}`],
  ].filter((word) => word)
  return more.length === 0 ? placeOf(endpoint) : `${placeOf(endpoint)} (${more.join(", ")})`
}
