/** Breakers as people read them. */

import type { BreakerStatus } from "#shared/protocol/breaker.ts"
import { formatDuration } from "#shared/std/duration.ts"
import { age, type Paint, plain } from "./output.ts"

const CAUSES: { readonly [cause in NonNullable<BreakerStatus["cause"]>]: string } = {
  failures: "too many attempts failed",
  consecutive: "too many failures in a row",
  slow: "too many attempts were slow",
  probe: "a probe failed",
  forced: "by hand",
}

const COLORS = { open: "red", probing: "yellow", closed: "green" } as const

/** `open for 12s, 4s of rest left: too many attempts failed`. */
export function breakerText(breaker: BreakerStatus, nowMs: number, paint: Paint): string {
  const { phase, sinceMs, restMs, cause, forced } = breaker
  const parts = [`${paint(COLORS[phase], phase)} for ${age(sinceMs, nowMs)}`]
  if (restMs > 0) parts.push(`${formatDuration(Math.ceil(restMs / 1000) * 1000)} of rest left`)
  if (forced && forced.untilMs > nowMs) parts.push(`forced ${forced.phase} by ${plain(forced.by)}`)
  else if (cause) parts.push(CAUSES[cause])
  return parts.join(", ")
}
