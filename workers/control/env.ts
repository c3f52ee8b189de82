/** What the control Worker is given by its wrangler config. */
import type { AlertsObject } from "#durable-objects/alerts.ts"
import type { AuditObject } from "#durable-objects/audit.ts"
import type { BreakerObject } from "#durable-objects/breaker.ts"
import type { HealthObject } from "#durable-objects/health.ts"
import type { KeyRingObject } from "#durable-objects/key-ring.ts"
import type { LimiterObject } from "#durable-objects/limiter.ts"
import type { RelayObject } from "#durable-objects/relay.ts"
import type { RouteTableObject } from "#durable-objects/route-table.ts"
import type { TapObject } from "#durable-objects/tap.ts"
import type { TelemetryObject } from "#durable-objects/telemetry.ts"
import type { TokensObject } from "#durable-objects/tokens.ts"

export interface ControlEnv {
  readonly ROUTE_TABLE: DurableObjectNamespace<RouteTableObject>
  readonly RELAY: DurableObjectNamespace<RelayObject>
  readonly BREAKER: DurableObjectNamespace<BreakerObject>
  readonly LIMITER: DurableObjectNamespace<LimiterObject>
  readonly HEALTH: DurableObjectNamespace<HealthObject>
  /** Watch guarded applies. */
  readonly ROLLOUT: DurableObjectNamespace
  readonly TELEMETRY: DurableObjectNamespace<TelemetryObject>
  readonly TAP: DurableObjectNamespace<TapObject>
  readonly ALERTS: DurableObjectNamespace<AlertsObject>
  readonly TOKENS: DurableObjectNamespace<TokensObject>
  readonly AUDIT: DurableObjectNamespace<AuditObject>
  /** Takes the last known good snapshot of each revision, where proxies may read it. */
  readonly WEFT_KV?: KVNamespace
  readonly KEY_RING: DurableObjectNamespace<KeyRingObject>
  /** The mesh's name in SPIFFE ids (`spiffe://<this>/<namespace>/<service>`). Absent: `weft`. */
  readonly WEFT_TRUST_DOMAIN?: string
  /** The https URL of this Worker, as upstreams reach it: `iss` of tokens for them. Absent: they have none. */
  readonly WEFT_ISSUER?: string
  /** The first admin token, a secret. Absent: only tokens made through the API are accepted. */
  readonly WEFT_ADMIN_TOKEN?: string
  /** The hosts that this Worker answers on, separated by commas, each with its port if that is not the usual one. Absent: any. */
  readonly WEFT_ADMIN_HOSTS?: string
  /** Requests that a token may make in a minute, a whole number; `off` for no limit. Absent: `LIMITS.tokenRequestsPerMinute`. */
  readonly WEFT_ADMIN_RATE?: string
  /** Origins on this machine that documents may send to, `*` for all: for development. The proxy needs the same. */
  readonly WEFT_LOCAL_ORIGINS?: string
}
