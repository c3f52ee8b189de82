/** Every metric there is, by the conventions of Prometheus: what it is called, what it tells, by which labels. */
import type { TallyName } from "#shared/model/telemetry.ts"

export interface Metric {
  /** Without the suffixes that the format adds: `_total`, `_bucket`, `_sum`, `_count`, `_created`. */
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  /** The name ends with it. */
  readonly unit?: "seconds" | "bytes"
  readonly help: string
}

export const METRICS = {
  requests: {
    name: "weft_requests",
    type: "counter",
    help: "Exchanges by caller, service, rule and what came of them; refusal is set when the mesh answered by itself.",
  },
  duration: {
    name: "weft_request_duration_seconds",
    type: "histogram",
    unit: "seconds",
    help: "Time until the head of the answer, with all attempts.",
  },
  attempts: {
    name: "weft_attempts",
    type: "counter",
    help: "Requests sent to endpoints, retries and hedges among them.",
  },
  retries: { name: "weft_retries", type: "counter", help: "Attempts beyond the first of an exchange." },
  budgetExhausted: {
    name: "weft_retry_budget_exhausted",
    type: "counter",
    help: "Exchanges that were not tried again because the retry budget was spent.",
  },
  requestBytes: {
    name: "weft_request_body_bytes",
    type: "counter",
    unit: "bytes",
    help: "Lengths that bodies of requests declared; of what has none nothing is counted.",
  },
  responseBytes: {
    name: "weft_response_body_bytes",
    type: "counter",
    unit: "bytes",
    help: "Lengths that bodies of answers declared; of what has none nothing is counted.",
  },
  isolates: { name: "weft_isolates", type: "gauge", help: "Proxy isolates that reported within the last minute." },
  snapshotAge: {
    name: "weft_snapshot_age_seconds",
    type: "gauge",
    unit: "seconds",
    help: "For how long the isolate with the oldest routes has not heard from the route table.",
  },
  series: {
    name: "weft_telemetry_series",
    type: "gauge",
    help: "Series that the shard tells apart.",
  },
  shardUp: {
    name: "weft_telemetry_up",
    type: "gauge",
    help: "Whether the shard answered; while it does not, its series are missing here and its isolates count on.",
  },
  revision: { name: "weft_revision", type: "gauge", help: "The newest revision of the mesh." },
  serving: {
    name: "weft_isolates_serving",
    type: "gauge",
    help: "Proxy isolates that asked for routes within the last minute: current, behind, or refusing a revision.",
  },
  breakerOpen: {
    name: "weft_breaker_open",
    type: "gauge",
    help: "1 for clusters whose breaker is open or probing, 0 for those whose breaker closed lately.",
  },
  budgetRemaining: {
    name: "weft_slo_error_budget_remaining_ratio",
    type: "gauge",
    help: "The share of an objective's error budget of 30 days that is left; below 0 when it is overspent.",
  },
  burnRate: {
    name: "weft_slo_burn_rate",
    type: "gauge",
    help: "How many times as fast as it may be an objective's error budget is spent, in the last window.",
  },
  alertFiring: { name: "weft_alert_firing", type: "gauge", help: "1 while an objective's alert fires, else 0." },
  notificationsWaiting: {
    name: "weft_alert_notifications_waiting",
    type: "gauge",
    help: "Notifications that a receiver has not taken yet.",
  },
} as const satisfies Record<string, Metric>

/** Tallies, and what their label is called. */
export const TALLY_METRICS: Readonly<Record<TallyName, Metric & { readonly label?: string }>> = {
  isolate_starts: {
    name: "weft_isolate_starts",
    type: "counter",
    help: "Proxy isolates that reported for the first time.",
  },
  pull_failures: {
    name: "weft_snapshot_pull_failures",
    type: "counter",
    help: "Questions for routes that the route table did not answer.",
  },
  snapshot_refusals: {
    name: "weft_snapshot_refusals",
    type: "counter",
    help: "Revisions that isolates refused to serve.",
  },
  floors_missed: {
    name: "weft_consistency_floors_missed",
    type: "counter",
    help: "Requests that were served by an older revision than they were promised.",
  },
  rate_limited: {
    name: "weft_rate_limited_requests",
    type: "counter",
    label: "limit",
    help: "Requests that a rate limit refused.",
  },
  rate_limit_shadowed: {
    name: "weft_rate_limit_shadowed_requests",
    type: "counter",
    label: "limit",
    help: "Requests that a rate limit in shadow would have refused.",
  },
  access_denied: {
    name: "weft_access_denied_requests",
    type: "counter",
    label: "policy",
    help: "Requests that an access policy refused.",
  },
  access_audited: {
    name: "weft_access_audited_requests",
    type: "counter",
    label: "policy",
    help: "Requests that a rule of an audit took.",
  },
  access_rehearsed: {
    name: "weft_access_rehearsed_requests",
    type: "counter",
    label: "policy",
    help: "Requests that would have been decided otherwise were the policy no dry run.",
  },
  access_unasked: {
    name: "weft_access_unasked_requests",
    type: "counter",
    label: "policy",
    help: "Requests that passed because the policy's authorizer failed.",
  },
  ejections: {
    name: "weft_outlier_ejections",
    type: "counter",
    label: "cluster",
    help: "Endpoints that outlier detection took out, each isolate by itself.",
  },
  spans_exported: {
    name: "weft_trace_spans_exported",
    type: "counter",
    help: "Spans that the collector took.",
  },
  spans_dropped: {
    name: "weft_trace_spans_dropped",
    type: "counter",
    label: "reason",
    help: "Spans that never came to the collector.",
  },
  span_export_failures: {
    name: "weft_trace_export_failures",
    type: "counter",
    help: "Calls of the collector that failed.",
  },
  failures_unrecorded: {
    name: "weft_trace_failures_unrecorded",
    type: "counter",
    help: "Failed exchanges that were too many to be recorded for that alone.",
  },
  recorded_dropped: {
    name: "weft_trace_exchanges_unkept",
    type: "counter",
    help: "Recorded exchanges that found no place in a report of their isolate.",
  },
  overflowed_requests: {
    name: "weft_telemetry_overflowed_requests",
    type: "counter",
    label: "where",
    help: "Requests that were counted as other because there were too many series.",
  },
  lost_requests: {
    name: "weft_telemetry_lost_requests",
    type: "counter",
    help: "Requests in reports that isolates gave up on.",
  },
  lost_reports: {
    name: "weft_telemetry_lost_reports",
    type: "counter",
    help: "Reports that never came although later ones did.",
  },
  repeated_reports: {
    name: "weft_telemetry_repeated_reports",
    type: "counter",
    help: "Reports that came again and were not counted again.",
  },
}
