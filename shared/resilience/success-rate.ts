/** The statistics of outlier detection: which endpoints did worse in an interval than the others, or than is allowed. */
import type { OutlierPolicy } from "#shared/model/upstream-policy.ts"
import type { Host, Origin } from "./outlier-host.ts"

export interface SuccessRateVerdict {
  /** -1: not judged, for want of endpoints or requests. */
  readonly mean: number
  readonly threshold: number
  readonly belowRate: readonly Host[]
  readonly overPercent: readonly Host[]
}

export const NOT_JUDGED: SuccessRateVerdict = { mean: -1, threshold: -1, belowRate: [], overPercent: [] }

/** The mean, and the mean less so many standard deviations of the whole population: {50,100,100,100,100} and 1.9 give 90 and 52. */
export function successRateThreshold(
  rates: readonly number[],
  stdevs: number,
): { readonly mean: number; readonly threshold: number } {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length
  return { mean, threshold: mean - stdevs * Math.sqrt(variance) }
}

/** Judges the finished interval of the endpoints that are not ejected, and notes their rates. */
export function judgeSuccessRates(hosts: readonly Host[], origin: Origin, policy: OutlierPolicy): SuccessRateVerdict {
  const { successRateHostsMin, failurePercentHostsMin, successRateVolumeMin, failurePercentVolumeMin } = policy
  if (hosts.length < successRateHostsMin && hosts.length < failurePercentHostsMin) return NOT_JUDGED
  const judged = hosts.filter((host) => !host.ejection && host.finished[origin].total > 0)
  for (const host of judged) {
    const { total, successes } = host.finished[origin]
    if (total >= Math.min(successRateVolumeMin, failurePercentVolumeMin)) host.rates[origin] = (100 * successes) / total
  }
  const compared = judged.filter((host) => host.finished[origin].total >= successRateVolumeMin)
  const measured = judged.filter((host) => host.finished[origin].total >= failurePercentVolumeMin)
  const rateOf = (host: Host) => host.rates[origin]
  const { mean, threshold } =
    compared.length > 0 && compared.length >= successRateHostsMin
      ? successRateThreshold(compared.map(rateOf), policy.successRateStdevs)
      : NOT_JUDGED
  return {
    mean,
    threshold,
    belowRate: mean < 0 ? [] : compared.filter((host) => rateOf(host) < threshold),
    overPercent:
      measured.length < failurePercentHostsMin
        ? []
        : measured.filter((host) => 100 - rateOf(host) >= policy.failurePercent),
  }
}
