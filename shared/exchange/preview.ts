/**
 * The blast radius of a change: recent requests, replayed through the table as it is and as it would be. Both are decided by the data
 * path's own code. A split is compared by its shares: from 90:10 to 50:50, two requests in five fare otherwise.
 */
import { CHANGE_KINDS, type ChangeKind, type SampledHead } from "#shared/model/sample.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import type { BlastRadius, FateExample } from "#shared/protocol/preview.ts"
import { compile } from "#shared/routing/table.ts"
import { canonicalJson } from "#shared/std/canonical-json.ts"
import { type Fate, fateOf, type Outcome } from "./fate.ts"
import { Holdings, heldOtherwise, keyOfHeld } from "./held.ts"

const GROUPS_MAX = 100
const EXAMPLES_MAX = 3

interface Group {
  readonly kind: ChangeKind
  readonly caller: string
  readonly before: string
  readonly after: string
  weight: number
  readonly examples: FateExample[]
}

export function blastRadius(current: Snapshot, candidate: Snapshot, heads: readonly SampledHead[]): BlastRadius {
  // Conditions on the time are judged for all at the time of the last.
  const nowMs = heads.reduce((latest, { atMs }) => Math.max(latest, atMs), 0)
  const [before, after] = [byOf(current, nowMs), byOf(candidate, nowMs)]
  const groups = new Map<string, Group>()
  let [weight, changed] = [0, 0]
  for (const head of heads) {
    weight += head.weight
    const [was, would] = [fateOf(before, head), fateOf(after, head)]
    const moved = distance(was, would)
    if (moved === 0) continue
    changed += moved * head.weight
    note(groups, head, was, would, moved)
  }
  const sorted = [...groups.values()].sort((a, b) => b.weight - a.weight)
  return {
    ...{ samples: heads.length, requests: weight, share: weight === 0 ? 0 : changed / weight },
    ...(heads.length > 0 && { sinceMs: Math.min(...heads.map(({ atMs }) => atMs)) }),
    changes: sorted.slice(0, GROUPS_MAX).map((group) => ({
      ...{ kind: group.kind, caller: group.caller, before: group.before, after: group.after },
      ...{ share: group.weight / weight, examples: group.examples },
    })),
    more: Math.max(0, sorted.length - GROUPS_MAX),
    ...unjudgedOf(current, candidate, sorted),
  }
}

function unjudgedOf(current: Snapshot, candidate: Snapshot, groups: readonly Group[]): Pick<BlastRadius, "unjudged"> {
  const about = ({ authentications, policies, routes }: Snapshot) => {
    const matches = routes.flatMap(({ rules }) => rules.flatMap((rule) => rule.matches))
    const conditions = matches.map(({ claims = [], addresses = [] }) => [claims, addresses])
    return canonicalJson([authentications ?? [], policies ?? [], conditions])
  }
  const unjudged = [
    ...(about(current) === about(candidate) ? [] : (["users"] as const)),
    ...(groups.some(({ kind }) => kind === "policy") ? (["limits"] as const) : []),
  ]
  return unjudged.length > 0 ? { unjudged } : {}
}

function byOf(snapshot: Snapshot, nowMs: number) {
  return { revision: 0, snapshot, table: compile(snapshot), holdings: new Holdings(snapshot), nowMs }
}

/** Half the sum of what all probabilities differ by: the share of such requests that fares otherwise. */
function distance(was: Fate, would: Fate): number {
  const differences = new Map<string, number>()
  const add = (fate: Fate, sign: number) => {
    for (const { outcome, share } of fate) {
      const key = keyOf(outcome)
      differences.set(key, (differences.get(key) ?? 0) + sign * share)
    }
  }
  add(was, 1)
  add(would, -1)
  const sum = [...differences.values()].reduce((total, difference) => total + Math.abs(difference), 0)
  // What is left of sums of fractions is no difference.
  return sum < 1e-9 ? 0 : sum / 2
}

function note(groups: Map<string, Group>, head: SampledHead, was: Fate, would: Fate, moved: number): void {
  const lost = grown(would, was)
  const won = grown(was, would)
  const kind = kindOf(lost, won)
  const caller = head.from ?? `public at ${head.gateway ?? "default/default"}`
  const isPolicy = kind === "policy" && lost && won
  const [before, after] = isPolicy
    ? [policyWords(lost, won), policyWords(won, lost)]
    : [wordsOf(was, kind), wordsOf(would, kind)]
  const key = [kind, caller, before, after].join("\n")
  const group = groups.get(key) ?? { kind, caller, before, after, weight: 0, examples: [] }
  groups.set(key, group)
  group.weight += moved * head.weight
  const request = head.rpc === undefined ? `${head.method ?? "GET"} ${head.url ?? "/"}` : `RPC ${head.rpc}`
  const isKnown = group.examples.some((example) => example.request === request)
  if (isKnown || group.examples.length >= EXAMPLES_MAX) return
  group.examples.push({ request, before: detailOf(lost), after: detailOf(won) })
}

/** The outcome that gains most from one fate to the other. */
function grown(from: Fate, to: Fate): Outcome | undefined {
  let best: { readonly outcome: Outcome; readonly by: number } | undefined
  for (const { outcome, share } of to) {
    const before = from.filter((one) => keyOf(one.outcome) === keyOf(outcome)).reduce((sum, one) => sum + one.share, 0)
    if (share - before > (best?.by ?? 0)) best = { outcome, by: share - before }
  }
  return best?.outcome
}

function kindOf(before: Outcome | undefined, after: Outcome | undefined): ChangeKind {
  const differs = (of: (outcome: Outcome) => string) => (before && of(before)) !== (after && of(after))
  const is: Readonly<Record<ChangeKind, boolean>> = {
    refusal:
      (before?.kind === "refused" || after?.kind === "refused") && differs(({ kind, ends }) => `${kind} ${ends}`),
    answer:
      (before?.kind === "answered" || after?.kind === "answered") && differs(({ kind, ends }) => `${kind} ${ends}`),
    backend: differs(({ backend }) => backend),
    rewrite: differs(({ shaped }) => shaped),
    policy: differs(({ held }) => keyOfHeld(held)),
    route: true,
  }
  return CHANGE_KINDS.find((kind) => is[kind])!
}

/** `default/orders under timeout 1s`. */
function policyWords({ backend, held }: Outcome, other: Outcome): string {
  return `${backend} under ${heldOtherwise(held, other.held)}`
}

/** `default/orders/v1 90 %, default/orders/v2 10 %`: of a fate what is told apart by such a change. */
function wordsOf(fate: Fate, kind: ChangeKind): string {
  const shares = new Map<string, number>()
  for (const { outcome, share } of fate) {
    const word = wordOf(outcome, kind)
    shares.set(word, (shares.get(word) ?? 0) + share)
  }
  const sorted = [...shares].filter(([, share]) => share > 0).sort(([, a], [, b]) => b - a)
  return sorted
    .map(([word, share]) => (share > 0.9999 ? word : `${word} ${Math.round(share * 1000) / 10} %`))
    .join(", ")
}

function wordOf({ kind, rule, backend, ends }: Outcome, change: ChangeKind): string {
  const route = rule === "" ? "no route" : rule
  if (kind !== "sent") return kind === "refused" ? `refused: ${ends}` : `answers ${ends}`
  return change === "backend" || change === "refusal" || change === "answer" ? backend : `${route} to ${backend}`
}

function detailOf(outcome: Outcome | undefined): string {
  if (!outcome) return ""
  const { kind, rule, backend, shaped, ends } = outcome
  if (kind === "refused") return `refused: ${ends}`
  if (kind === "answered") return `answers ${ends} (${rule})`
  const [url = ""] = shaped.split("\n")
  return [backend, ...(url === "" ? [] : [url]), rule === "" ? "" : `(${rule})`].filter((part) => part !== "").join(" ")
}

function keyOf({ kind, rule, backend, shaped, ends, held }: Outcome): string {
  return [kind, rule, backend, shaped, ends, keyOfHeld(held)].join("\u0000")
}
