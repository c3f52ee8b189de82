/** How people write what `upstream-policy.ts` holds resolved: under a service, beside its endpoints. */

export interface UpstreamDocument {
  balancer?: BalancerDocument
  outlier?: OutlierDocument
  concurrency?: ConcurrencyDocument
  throttle?: ThrottleDocument
}

export interface BalancerDocument {
  /** Default `random`. */
  kind?: "random" | "round-robin" | "least-request" | "peak-ewma" | "hash"
  /** For `hash`; exactly one key. */
  key?: HashKeyDocument
  /** The data centres of each region: `{ europe: [AMS, FRA] }`. Endpoints name their region. */
  regions?: { [region: string]: string[] }
}

export interface HashKeyDocument {
  header?: string
  cookie?: string
  caller?: true
}

/** Figures, names and defaults are Envoy's, but that one endpoint may always be ejected. */
export interface OutlierDocument {
  interval?: string
  baseEjection?: string
  maxEjection?: string
  ejectionJitter?: string
  maxEjectionPercent?: number
  alwaysEjectOne?: boolean
  splitLocalOrigin?: boolean
  consecutive5xx?: number
  enforcingConsecutive5xx?: number
  consecutiveGateway?: number
  enforcingConsecutiveGateway?: number
  consecutiveLocalOrigin?: number
  enforcingConsecutiveLocalOrigin?: number
  successRateHostsMin?: number
  successRateVolumeMin?: number
  successRateStdevs?: number
  enforcingSuccessRate?: number
  enforcingSuccessRateLocalOrigin?: number
  failurePercentHostsMin?: number
  failurePercentVolumeMin?: number
  failurePercent?: number
  enforcingFailurePercent?: number
  enforcingFailurePercentLocalOrigin?: number
  panicPercent?: number
}

export interface ConcurrencyDocument {
  max: number
  adaptive?: AdaptiveDocument
  reservePercent?: number
}

export interface AdaptiveDocument {
  min?: number
  initial?: number
  samples?: number
  overloadPercent?: number
  slow?: string
}

export interface ThrottleDocument {
  ratio?: number
  window?: string
  refusedPercentMax?: number
}

/** What only an endpoint of a list has. */
export interface SharedEndpointDocument {
  /** Its share of the requests against the others. Default 1. */
  weight?: number
  /** One of the balancer's `regions`. */
  region?: string
}
