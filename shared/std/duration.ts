/** Durations as people write them: `250ms`, `2s`, `1m30s` (Gateway API: GEP-2257; whole numbers of h, m, s, ms). */

const UNITS_MS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const
const DURATION = /^(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}$/
const PART = /([0-9]{1,5})(h|ms|m|s)/g

/** The duration in milliseconds, or undefined when `text` is none. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined
  let totalMs = 0
  for (const [, count, unit] of text.matchAll(PART)) totalMs += Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS]
  return totalMs
}

/** The shortest spelling of a whole number of milliseconds below 100,000 hours. */
export function formatDuration(totalMs: number): string {
  let restMs = totalMs
  let text = ""
  for (const [unit, unitMs] of Object.entries(UNITS_MS)) {
    const count = Math.floor(restMs / unitMs)
    if (count > 0) text += `${count}${unit}`
    restMs -= count * unitMs
  }
  return text === "" ? "0s" : text
}
