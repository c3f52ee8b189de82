/** How people write what they promise, under `slos`, and who hears when it is not kept, under `receivers`. Control goes by them; proxies never see them. */

/**
 * A service level objective: of all requests of a month, the share that has to go well. What is promised is availability (a request
 * goes well when it is not answered with 5xx) or, with `latency`, that answers are fast. Names of the field: SRE workbook, chapter 5.
 */
export interface SloDocument {
  /** A service of the same namespace. Exactly one of `service` and `route`. */
  service?: string
  /** A route of the same namespace: all requests that its rules take. */
  route?: string
  /** Percent of requests in 30 days, 50 to 99.999. */
  target: number
  /** The head of an answer comes within this time. Of requests that were not answered with 5xx. Absent: the objective is availability. */
  latency?: string
  /** How long a burn rate must be too high before the alert fires. Default `1m`; `0s`: at once. */
  for?: string
  /** Fewer bad requests in the longer window are no alert, however few there are in all. Default 5. */
  minFailures?: number
  /** Receivers of the same namespace, or of `default`: `name` or `default/name`. Absent: the log only. */
  notify?: string[]
}

/** Where notifications go. */
export interface ReceiverDocument {
  webhook: WebhookDocument
}

export interface WebhookDocument {
  /** Takes a POST with Alertmanager's JSON, signed as Standard Webhooks says. Exactly one of `url` and `service`. */
  url?: string
  /** A service of the same namespace, which is sent the same through the mesh, by the caller `weft/alerts`. */
  service?: string
  /** Of requests to `service`. Default `/`. */
  path?: string
  /** Signs with HMAC-SHA256. Write-only. `whsec_` and base64, or any text of 24 characters or more. */
  secret: string
}
