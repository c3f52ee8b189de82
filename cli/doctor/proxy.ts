/** What the proxy says of itself: where it runs, how far its objects are, and which of its settings are for development only. */
import { LIMITS } from "#shared/model/limits.ts"
import type { ProbeReport } from "#shared/protocol/probe.ts"
import type { Answer } from "./ask.ts"
import type { Finding } from "./finding.ts"

/** An object that is further away is on the wrong side of the world. */
const FAR_MS = 1_000
/** Tokens are taken with a minute's difference of clocks. */
const SKEW_MS = 60_000

export function proxyFindings(report: ProbeReport, roundTripMs: number, nowMs: number): Finding[] {
  const place = report.colo === undefined ? "no edge of the platform before it" : `in ${report.colo}`
  const by = report.protocol === undefined ? "" : `, by ${report.protocol}`
  const revision = report.revision === 0 ? "no revision yet" : `revision ${report.revision}`
  return [
    { level: "ok", of: "proxy", found: `${place}${by}, ${revision}, answers within ${Math.round(roundTripMs)} ms` },
    clock(report.nowMs, nowMs, roundTripMs),
    ...settings(report),
    ...Object.entries(report.objects ?? {}).map(([name, took]) => object(name, took)),
  ]
}

function clock(proxyMs: number, nowMs: number, roundTripMs: number): Finding {
  const skewMs = Math.max(0, Math.abs(proxyMs - nowMs) - roundTripMs)
  const of = "clock"
  if (skewMs <= SKEW_MS) return { level: "ok", of, found: "as this machine's, within a minute" }
  const hint = "tokens are refused when clocks differ by more than a minute"
  return { level: "warning", of, found: `${Math.round(skewMs / 1000)} s off from this machine's`, hint }
}

function settings({ settings: { debug, localOrigins, ambiguousHeaders, missing }, colo }: ProbeReport): Finding[] {
  const findings: Finding[] = []
  const deployed = colo !== undefined
  const forDevelopment = deployed ? "failure" : "note"
  if (localOrigins) {
    const found = "the proxy may send requests to its own machine"
    findings.push({ level: forDevelopment, of: "WEFT_LOCAL_ORIGINS", found, hint: "for development only" })
  }
  if (debug) {
    const found = "the public is told how requests are decided"
    findings.push({ level: deployed ? "warning" : "note", of: "WEFT_DEBUG", found, hint: "for development only" })
  }
  if (ambiguousHeaders) {
    const found = "names with _ and . are passed on, which some servers read as others"
    findings.push({ level: "warning", of: "WEFT_AMBIGUOUS_HEADERS", found })
  }
  if (missing.length > 0) findings.push({ level: "note", of: "bindings", found: `without ${missing.join(", ")}` })
  return findings
}

function object(name: string, took: NonNullable<ProbeReport["objects"]>[string]): Finding {
  const of = `object ${name}`
  if ("failed" in took) {
    return { level: "failure", of, found: "does not answer", hint: "requests go on without it, by what isolates know" }
  }
  const found = `answers within ${took.ms} ms`
  if (took.ms > FAR_MS) return { level: "warning", of, found, hint: "changes and verdicts take this long to arrive" }
  if (took.ms <= LIMITS.limitWaitMs) return { level: "ok", of, found }
  const hint = `limits that ask for each request wait ${LIMITS.limitWaitMs} ms at most, then go on without`
  return { level: "note", of, found, hint }
}

/** Whether the edge serves without TLS what it serves with it. */
export function plainFinding(answer: Answer): Finding {
  const of = "plain http"
  if ("error" in answer || !answer.report) return { level: "ok", of, found: "does not come to the mesh" }
  return {
    level: "warning",
    of,
    found: "comes to the mesh",
    hint: 'let the edge redirect it ("Always Use HTTPS"), so that no token travels in the clear',
  }
}
