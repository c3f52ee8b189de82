/** The endpoints of what the mesh counted. */
import { type Endpoint, endpoint } from "./endpoint.ts"
import * as shapes from "./schemas-telemetry.ts"
import * as vitalShapes from "./schemas-vitals.ts"
import { showMetrics, showStats } from "./telemetry.ts"
import { showVitals } from "./vitals.ts"

export const TELEMETRY: readonly Endpoint[] = [
  endpoint<object, shapes.StatsQuery>({
    method: "GET",
    path: "/v1/stats",
    role: "viewer",
    group: "Mesh",
    summary: "Say how the mesh did lately",
    description:
      "Requests, success and latency of the last minutes by service, subset, rule or edge, as the isolates of the proxy counted them; they report every few seconds.",
    query: shapes.statsQuery,
    answers: { status: 200, description: "The statistics.", schema: shapes.stats },
    handle: showStats,
  }),
  endpoint({
    method: "GET",
    path: "/v1/vitals",
    role: "viewer",
    group: "Mesh",
    summary: "Say how the mesh's own parts are",
    description:
      "Which objects answer, and how fast; what telemetry could not tell apart or lost; how old signing keys are; which API keys, and for an admin which tokens, are over soon. `weft check` judges it.",
    answers: { status: 200, description: "How they are.", schema: vitalShapes.vitals },
    handle: showVitals,
  }),
  endpoint({
    method: "GET",
    path: "/metrics",
    role: "metrics",
    group: "Mesh",
    summary: "All that was counted, for Prometheus",
    description: "In OpenMetrics 1.0 where the Accept header prefers it, else in Prometheus' text format 0.0.4.",
    answers: { status: 200, description: "The metrics.", contentType: "text/plain" },
    handle: showMetrics,
  }),
]
