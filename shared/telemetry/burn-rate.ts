/**
 * Alerts on burn rates, in several windows at once (Site Reliability Workbook, chapter 5): a rate of 1 spends the error budget of 30
 * days in 30 days. The longer window says that it matters, the shorter one that it still goes on.
 */
import type { Severity, Slo } from "#shared/model/alerting.ts"
import type { Counts } from "./objective.ts"

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export interface BurnWindow {
  readonly severity: Severity
  readonly factor: number
  readonly longMs: number
  readonly shortMs: number
}

/** 2 % of the budget in an hour, 5 % in six; 10 % in a day, and 10 % in three. */
export const BURN_WINDOWS: readonly BurnWindow[] = [
  { severity: "page", factor: 14.4, longMs: HOUR_MS, shortMs: 5 * MINUTE_MS },
  { severity: "page", factor: 6, longMs: 6 * HOUR_MS, shortMs: 30 * MINUTE_MS },
  { severity: "ticket", factor: 3, longMs: DAY_MS, shortMs: 2 * HOUR_MS },
  { severity: "ticket", factor: 1, longMs: 3 * DAY_MS, shortMs: 6 * HOUR_MS },
]

/** Every length of time that sums are needed of, shortest first. */
export const SPANS_MS: readonly number[] = [
  ...new Set(BURN_WINDOWS.flatMap(({ longMs, shortMs }) => [longMs, shortMs])),
].sort((a, b) => a - b)

export interface BurnReading extends BurnWindow {
  readonly long: number
  readonly short: number
  /** Bad requests in the longer window. */
  readonly bad: number
  readonly holds: boolean
}

/** How many times as fast as the budget allows it is spent; nothing is spent without requests. */
export function burnRate({ total, bad }: Counts, target: number): number {
  return total === 0 ? 0 : bad / total / (1 - target)
}

/** The share of the budget that is left; below 0 when more was spent than there was. */
export function budgetLeft(counts: Counts, target: number): number {
  return 1 - burnRate(counts, target)
}

export function readBurn(
  { target, minFailures }: Pick<Slo, "target" | "minFailures">,
  sumOf: (spanMs: number) => Counts,
): BurnReading[] {
  return BURN_WINDOWS.map((window) => {
    const sum = sumOf(window.longMs)
    const long = burnRate(sum, target)
    const short = burnRate(sumOf(window.shortMs), target)
    const holds = sum.bad >= minFailures && isAtLeast(long, window.factor) && isAtLeast(short, window.factor)
    return { ...window, long, short, bad: sum.bad, holds }
  })
}

/** 144 of 10,000 at 99.9 % are a rate of 14.4, whatever the last digits of the division say. */
function isAtLeast(rate: number, factor: number): boolean {
  return rate >= factor * (1 - 1e-9)
}
