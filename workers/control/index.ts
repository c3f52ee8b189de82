/** The control Worker's entry: the admin API, and the Durable Object classes that it hosts. */
import { createApp, serve } from "./app.ts"
import type { ControlEnv } from "./env.ts"

export { AlertsObject } from "#durable-objects/alerts.ts"
export { AuditObject } from "#durable-objects/audit.ts"
export { BreakerObject } from "#durable-objects/breaker.ts"
export { HealthObject } from "#durable-objects/health.ts"
export { KeyRingObject } from "#durable-objects/key-ring.ts"
export { LimiterObject } from "#durable-objects/limiter.ts"
export { RelayObject } from "#durable-objects/relay.ts"
export { RolloutObject } from "#durable-objects/rollout.ts"
export { RouteTableObject } from "#durable-objects/route-table.ts"
export { TapObject } from "#durable-objects/tap.ts"
export { TelemetryObject } from "#durable-objects/telemetry.ts"
export { TokensObject } from "#durable-objects/tokens.ts"

const app = createApp()

export default {
  fetch: (request, env, context) => serve(app, request, env, context),
} satisfies ExportedHandler<ControlEnv>
