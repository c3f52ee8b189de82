/** One match of one rule, compiled: what can win a request on one host. */
import type { Match, Route, Rule } from "#shared/model/route.ts"
import { type Condition, conditionsOf } from "./condition.ts"
import { comparePlaced, type Placed, type Rank, rankOf } from "./precedence.ts"
import type { RegexPool } from "./regex.ts"
import { admitTemplate, type Template } from "./template.ts"

export interface Matched {
  readonly route: Route
  readonly rule: Rule
  readonly match: Match
  /** What the rule's path template captured, as it stands in the canonical path. */
  readonly captures?: Readonly<Record<string, string>>
}

export interface Candidate extends Placed {
  /** Place among all candidates of the host, whatever its order: the least position wins. */
  readonly position: number
  readonly rank: Rank
  readonly matched: Matched
  readonly conditions: readonly Condition[]
  /** Of a path template that can be read; another one takes nothing. */
  readonly template: Template | undefined
}

/** Takes the candidates whose path holds, in lists sorted by position. */
export interface Sink {
  offer(candidates: readonly Candidate[]): void
  /** False when no candidate at or after this position can matter any more. */
  wants(position: number): boolean
}

/** The candidates of routes that share a host, the one that comes first in the first place. */
export function candidatesOf(routes: readonly Route[], order: Route["order"], regexes: RegexPool): Candidate[] {
  const candidates: { -readonly [K in keyof Candidate]: Candidate[K] }[] = []
  for (const route of routes) {
    let written = 0
    for (const rule of route.rules) {
      for (const match of rule.matches) {
        candidates.push({
          position: 0,
          rank: rankOf(match),
          since: route.since,
          routeId: route.id,
          written: written++,
          matched: { route, rule, match },
          conditions: conditionsOf(match, regexes),
          template: templateOf(match),
        })
      }
    }
  }
  candidates.sort((left, right) => comparePlaced(left, right, order))
  candidates.forEach((candidate, position) => {
    candidate.position = position
  })
  return candidates
}

function templateOf(match: Match): Template | undefined {
  if (match.path?.kind !== "template") return undefined
  const admitted = admitTemplate(match.path.value)
  return "template" in admitted ? admitted.template : undefined
}
