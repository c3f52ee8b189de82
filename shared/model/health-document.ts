/** How people write active health checks, under `services.<name>.health`. Names are Envoy's. */

export interface HealthDocument {
  /** Path and query of an HTTP check. Exactly one of `path` and `rpc`. */
  path?: string
  /** `GET` or `HEAD`. Default `GET`. */
  method?: "GET" | "HEAD"
  /** Statuses, or classes of them. Default `2xx`. */
  expectedStatuses?: (number | StatusClass)[]
  /** RPC method without arguments. */
  rpc?: string
  /** Default `10s`. */
  interval?: string
  /** Default `1s`. */
  timeout?: string
  /** Failed checks in a row until an endpoint is left out. Default 3. */
  unhealthyThreshold?: number
  /** Good checks in a row until it is back. Default 2. */
  healthyThreshold?: number
  /** What an endpoint is taken for until its first check. Default `healthy`. */
  initial?: "healthy" | "unhealthy"
  /** When fewer of the endpoints than this are left, checks are not heeded. Default: the outlier detection's, else 50. */
  panicPercent?: number
}

export type StatusClass = "1xx" | "2xx" | "3xx" | "4xx" | "5xx"
