/** What becomes of a sampled request by one table: every outcome with its probability, by the same functions as `explain` and the proxy. */
import type { SampledHead } from "#shared/model/sample.ts"
import type { Branch, DescribedRequest, Explained } from "#shared/protocol/explain.ts"
import { type ExplainBy, explain } from "./explain.ts"
import type { Held, Holdings } from "./held.ts"

const NOTHING: Held = new Map()

export interface Outcome {
  readonly kind: "sent" | "answered" | "refused"
  /** The rule that takes it, or the route, where the rule has no name; "" for none. */
  readonly rule: string
  /** `default/orders/v2`; "" where nobody is asked. */
  readonly backend: string
  /** What is done to the request on its way: a rewrite, headers. */
  readonly shaped: string
  /** `route_not_found`, `302 https://…`; "" for what is sent. */
  readonly ends: string
  /** Under which timeouts, retries, limits and so on it is sent. */
  readonly held: Held
}

export type FateBy = ExplainBy & { readonly holdings: Holdings }

/** Probabilities of outcomes, in whatever order. */
export type Fate = readonly { readonly outcome: Outcome; readonly share: number }[]

export function fateOf(by: FateBy, head: SampledHead): Fate {
  const described = describedBy(head)
  const story = explain(by, described)
  const { shares = [] } = story
  if (shares.length <= 1) return outcomesOf(story, 1, by)
  return shares.flatMap(({ share, dice }) => outcomesOf(explain(by, { ...described, dice }), share, by))
}

export function describedBy({ method, url, headers, gateway, from, to, rpc, issuer }: SampledHead): DescribedRequest {
  return {
    ...{ ...(method && { method }), ...(url && { url }), ...(headers && { headers }), ...(gateway && { gateway }) },
    ...{ ...(from && { from }), ...(to && { to }), ...(rpc && { rpc }) },
    ...(issuer && { user: { issuer, subject: "sampled" } }),
  }
}

function outcomesOf(story: Explained, share: number, { holdings }: FateBy): Fate {
  // Rules without a name are numbered, and one more before them changes nothing but that.
  const id = story.winner?.rule ?? ""
  const rule = id.replace(/\/\d+$/, "")
  const { refusal } = story
  if (refusal) {
    return [{ share, outcome: { kind: "refused", rule, backend: "", shaped: "", ends: refusal.name, held: NOTHING } }]
  }
  return story.branches.map((branch) => ({
    share: share * branch.share,
    outcome: outcomeOf(rule, branch, holdings.of(id, branch.backend ?? "")),
  }))
}

function outcomeOf(rule: string, { backend = "", refusal, answer, sends, steps }: Branch, held: Held): Outcome {
  if (refusal) return { kind: "refused", rule, backend, shaped: "", ends: refusal.name, held: NOTHING }
  if (answer) {
    const location = answer.headers.find(({ name }) => name.toLowerCase() === "location")?.value
    const ends = [String(answer.status), ...(location === undefined ? [] : [location])].join(" ")
    return { kind: "answered", rule, backend: "", shaped: "", ends, held: NOTHING }
  }
  const changes = steps.filter(({ on }) => on === "request").map(({ filter, effect }) => `${filter} ${effect}`)
  return { kind: "sent", rule, backend, shaped: [sends?.url ?? "", ...changes].join("\n"), ends: "", held }
}
