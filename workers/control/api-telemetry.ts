/** The endpoints of what the mesh counted. */
import { type Endpoint, endpoint } from "./endpoint.ts"
import * as traceShapes from "./schemas-tap.ts"
import * as shapes from "./schemas-telemetry.ts"
import * as vitalShapes from "./schemas-vitals.ts"
import { isOpening, openTap, tapText } from "./tap.ts"
import { showMetrics, showStats } from "./telemetry.ts"
import { showTrace } from "./traces.ts"
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
  endpoint<traceShapes.TraceParams>({
    method: "GET",
    path: "/v1/traces/{id}",
    role: "viewer",
    namespaced: true,
    group: "Mesh",
    summary: "Say what was decided of one request, hop by hop",
    description:
      "Of exchanges that were recorded within the last hour: sampled, asked for by weft-debug, or failed. A shard keeps the newest ones.",
    params: traceShapes.traceParams,
    shows: () => true,
    target: ({ params }) => `trace ${params.id}`,
    evenUnrecorded: true,
    answers: { status: 200, description: "The trace.", schema: traceShapes.traced, problems: [404] },
    handle: showTrace,
  }),
  endpoint<object, traceShapes.TapQuery>({
    method: "GET",
    path: "/v1/tap",
    role: "operator",
    namespaced: true,
    group: "Mesh",
    summary: "See exchanges as they happen",
    description:
      "A WebSocket (status 101) of JSON messages: `exchanges` with those that matched and how many more were left out, and `end`. It ends by itself.",
    query: traceShapes.tapQuery,
    shows: isOpening,
    target: ({ query }) => tapText(query),
    answers: { status: 204, description: "Without `Upgrade: websocket`: it could be opened." },
    handle: openTap,
  }),
]
