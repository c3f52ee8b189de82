/** Checks of control itself, its objects, its credentials, and of telemetry. */

import { LIMITS } from "#shared/model/limits.ts"
import type { Expiring, ShardStatus, Vitals } from "#shared/protocol/vitals.ts"
import { formatDuration } from "#shared/std/duration.ts"
import { type Check, type Facts, type Unwell, unlessUnwell } from "./checkup-kit.ts"
import { age, count, expiry, plain } from "./output.ts"

/** Slower than this an object is in trouble, or far away. */
const SLOW_MS = 1_000
const SKEW_MS_MAX = 5_000
const DAY_MS = 24 * 60 * 60 * 1000
/** Of the requests: below, what was not told apart or lost is not worth a warning. */
const SHARE_MAX = 0.01
const FULL = 0.9

export function checkControl(facts: Facts): Check[] {
  const { vitals, version, nowMs, tookMs } = facts
  const answers = {
    section: "control",
    rule: "reachable",
    state: "ok",
    message: `control answers in ${tookMs}ms`,
  } as const
  if (!vitals) {
    const message =
      "control says nothing of its parts: it is older than this command, or the token is for some namespaces only"
    return [answers, { section: "control", rule: "objects", state: "skipped", message }]
  }
  return [
    answers,
    versionCheck(vitals, version),
    ...clockChecks(vitals, nowMs),
    ...objectChecks(vitals),
    ...credentialChecks(vitals),
  ]
}

function versionCheck(vitals: Vitals, version: string): Check {
  const about = { section: "control", rule: "version" } as const
  if (vitals.version === version)
    return { ...about, state: "ok", message: `control is version ${plain(version)}, as this command` }
  const message = `control is version ${plain(vitals.version)}, this command ${plain(version)}`
  return {
    ...about,
    state: "warning",
    message,
    hint: "deploy control and proxy from this version, or use the command of theirs",
  }
}

/** Ages of all kinds are told against this machine's clock. */
function clockChecks(vitals: Vitals, nowMs: number): Check[] {
  const skewMs = Math.abs(vitals.nowMs - nowMs)
  if (skewMs <= SKEW_MS_MAX) return []
  const message = `the clocks of control and of this machine are ${formatDuration(Math.round(skewMs / 1000) * 1000)} apart`
  const hint = "set this machine's clock: ages below are wrong by as much"
  return [{ section: "control", rule: "clock", state: "warning", message, hint }]
}

function objectChecks({ objects }: Vitals): Check[] {
  const slowest = objects.reduce((worst, one) => (one.tookMs > worst.tookMs ? one : worst), { name: "", tookMs: 0 })
  const unwell = objects.flatMap(({ name, failed, tookMs }): Unwell[] => {
    const about = { section: "control", path: plain(name) } as const
    if (failed !== undefined) {
      const message = `does not answer: ${plain(failed)}`
      const hint =
        "look at control's log (wrangler tail, or .weft/mesh.log); what its outage means is in ARCHITECTURE.md, When something fails"
      return [{ ...about, rule: "object-silent", state: "problem", message, hint }]
    }
    if (tookMs < SLOW_MS) return []
    const hint = "ask again: if it stays so, the object has more to do than one can"
    return [{ ...about, rule: "object-slow", state: "warning", message: `took ${tookMs}ms to answer`, hint }]
  })
  const answering = objects.filter(({ failed }) => failed === undefined).length
  const message = `${answering} of ${count(objects.length, "object")} answer, the slowest (${plain(slowest.name)}) in ${slowest.tookMs}ms`
  return [...unwell, ...(answering > 0 ? [{ section: "control", rule: "objects", state: "ok", message } as const] : [])]
}

function credentialChecks({ signingKeys, expiring, nowMs }: Vitals): Check[] {
  return unlessUnwell(
    [...expiring.map((one) => expiringCheck(one, nowMs)), ...rotationChecks(signingKeys ?? [], nowMs)],
    {
      section: "credentials",
      rule: "credentials",
      state: "ok",
      message: `nothing is over within two weeks${signingText(signingKeys ?? [], nowMs)}`,
    },
  )
}

function expiringCheck({ kind, name, expiresAtMs }: Expiring, nowMs: number): Check {
  const what = kind === "token" ? "token" : "API key"
  const isOver = expiresAtMs <= nowMs
  const make = kind === "token" ? `weft token create ${plain(name)}` : `weft key create ${plain(name)}`
  const path = `${what} ${plain(name)}`
  const message = isOver ? `is over since ${age(expiresAtMs, nowMs)}` : `ends ${expiry(expiresAtMs, nowMs)}`
  const hint = isOver
    ? `weft ${kind} revoke ${plain(name)}, and ${make} if somebody still needs it`
    : `make the next one before: weft ${kind} revoke ${plain(name)}, then ${make}`
  return { section: "credentials", rule: "expiring", state: "warning", path, message, hint }
}

function rotationChecks(keys: NonNullable<Vitals["signingKeys"]>, nowMs: number): Check[] {
  const newest = Math.max(...keys.map(({ createdAtMs }) => createdAtMs))
  if (keys.length === 0 || nowMs - newest <= LIMITS.signingKeyRotateMs + DAY_MS) return []
  const message = `the newest signing key is ${age(newest, nowMs)} old; a new one is due every ${LIMITS.signingKeyRotateMs / DAY_MS} days`
  const hint = "weft identity rotate makes one now; control's log says why its alarm did not"
  return [{ section: "credentials", rule: "rotation", state: "problem", message, hint }]
}

function signingText(keys: NonNullable<Vitals["signingKeys"]>, nowMs: number): string {
  const signing = keys.find(({ phase }) => phase === "signing")
  return signing ? `; the signing key is ${age(signing.createdAtMs, nowMs)} old` : ""
}

export function checkTelemetry({ vitals, status, nowMs }: Facts): Check[] {
  if (!vitals) return []
  const { telemetry } = vitals
  const reporting = telemetry.reduce((sum, { isolates }) => sum + isolates, 0)
  const active = status.isolates.filter(({ seenAtMs }) => nowMs - seenAtMs < LIMITS.isolateSilenceMsMax).length
  const unwell: Check[] = telemetry.flatMap(shardChecks)
  if (active > 0 && reporting === 0) {
    const message = `${count(active, "isolate")} ask for routes, and none reports what it counts`
    const hint = "give the proxy the binding TELEMETRY, as in this repository's wrangler.toml, and deploy it"
    unwell.push({ section: "telemetry", rule: "no-reports", state: "warning", message, hint })
  }
  const series = telemetry.reduce((sum, one) => sum + one.series, 0)
  const requests = telemetry.reduce((sum, one) => sum + one.requests, 0)
  return unlessUnwell(unwell, {
    section: "telemetry",
    rule: "telemetry",
    state: "ok",
    message: `${count(requests, "request")} counted in ${count(series, "series", "series")}, none lost or merged that is worth a word; ${count(reporting, "isolate")} reported within the last minute`,
  })
}

function shardChecks({ shard, series, seriesMax, requests, overflowed, lost, lostReports }: ShardStatus): Unwell[] {
  const about = { section: "telemetry", state: "warning", path: plain(shard) } as const
  const metrics = "docs/reference/metrics.md, The series, says what is told apart"
  const unwell: Unwell[] = []
  if (series >= FULL * seriesMax) {
    const message = `tells ${series} series apart, of at most ${seriesMax}: what is beyond counts as \`other\``
    unwell.push({
      ...about,
      rule: "series-full",
      message,
      hint: `fewer routes and subsets, or several meshes; ${metrics}`,
    })
  }
  if (overflowed > SHARE_MAX * requests) {
    const message = `counted ${overflowed} of ${requests} requests as \`other\``
    unwell.push({
      ...about,
      rule: "series-merged",
      message,
      hint: `${metrics}; RPC methods with made-up names are the usual reason`,
    })
  }
  if (lost > SHARE_MAX * requests || lostReports > 0) {
    const message = `${lost} requests are lost, and ${count(lostReports, "report")} never came`
    const hint = "isolates could not reach the object for a quarter of an hour: look at the proxy's log of that time"
    if (lost > SHARE_MAX * requests) unwell.push({ ...about, rule: "reports-lost", message, hint })
  }
  return unwell
}
