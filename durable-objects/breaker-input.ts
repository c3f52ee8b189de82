/**
 * What a breaker's object makes of what it is told. Reports come from isolates of other versions, and one number that is none would stand in
 * the window of the whole mesh: what cannot be is left out, and what is left is used.
 */
import { breaker } from "#shared/model/breaker-shape.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { filled, list, object, whole, word } from "#shared/model/shape.ts"
import type { BreakerReport, ReportedTally } from "#shared/protocol/breaker.ts"

const GENERATION_MAX = 2 ** 50
const NOTHING: ReportedTally = { total: 0, failed: 0, slow: 0, trailing: 0 }

const count = whole(0, LIMITS.figureMax)
const tally = object({ total: count, failed: count, slow: count, trailing: count })
const generation = whole(0, GENERATION_MAX)
const phase = word("closed", "open", "probing")
const probe = object({ lease: whole(0, Number.MAX_SAFE_INTEGER), found: word("ok", "failed", "unknown") })
const about = object({ cluster: filled, policy: breaker, revision: whole(0, Number.MAX_SAFE_INTEGER) })
const probes = list(probe, Number.MAX_SAFE_INTEGER)

/** Undefined where there is nothing to go by: who reports for no cluster, or by no policy, is told what holds and heard by nobody. */
export function admitReport(report: BreakerReport): BreakerReport | undefined {
  if (about(report) !== undefined) return undefined
  const isKnown = generation(report.generation) === undefined
  return {
    ...{ cluster: report.cluster, policy: report.policy, revision: report.revision },
    generation: isKnown ? report.generation : 0,
    ...(isKnown && phase(report.phase) === undefined && { phase: report.phase! }),
    // What belongs to no generation that could be belongs to none.
    tally: isKnown && isTally(report.tally) ? report.tally : NOTHING,
    probes: probes(report.probes) === undefined ? report.probes.slice(0, LIMITS.breakerProbesMax) : [],
    ask: report.ask === true,
  }
}

function isTally(value: ReportedTally): boolean {
  if (tally(value) !== undefined) return false
  return value.failed <= value.total && value.slow <= value.total && value.trailing <= value.failed
}
