/** Stand where the proxy looks for objects, and hand its calls on to those of another process. */
import { DurableObject } from "cloudflare:workers"
import type { TelemetryReport } from "#shared/model/telemetry.ts"
import type { BreakerReport } from "#shared/protocol/breaker.ts"
import type { LeaseCall } from "#shared/protocol/limiter.ts"
import type { Confirmation } from "#shared/protocol/relay.ts"
import type { Pull } from "#shared/protocol/route-table.ts"

interface Env {
  readonly OBJECTS: { call(namespace: string, name: string, method: string, args: unknown[]): Promise<unknown> }
}

class Bridge extends DurableObject<Env> {
  hand(namespace: string, method: string, ...args: unknown[]): Promise<unknown> {
    return this.env.OBJECTS.call(namespace, this.ctx.id.name!, method, args)
  }
}

export class RouteTableBridge extends Bridge {
  pull(pull: Pull): Promise<unknown> {
    return this.hand("ROUTE_TABLE", "pull", pull)
  }

  confirm(confirmation: Confirmation): Promise<unknown> {
    return this.hand("ROUTE_TABLE", "confirm", confirmation)
  }
}

export class RelayBridge extends Bridge {
  pull(pull: Pull): Promise<unknown> {
    return this.hand("RELAY", "pull", pull)
  }

  confirm(confirmation: Confirmation): Promise<unknown> {
    return this.hand("RELAY", "confirm", confirmation)
  }
}

export class BreakerBridge extends Bridge {
  report(report: BreakerReport): Promise<unknown> {
    return this.hand("BREAKER", "report", report)
  }
}

export class LimiterBridge extends Bridge {
  lease(call: LeaseCall): Promise<unknown> {
    return this.hand("LIMITER", "lease", call)
  }
}

export class TelemetryBridge extends Bridge {
  report(report: TelemetryReport): Promise<unknown> {
    return this.hand("TELEMETRY", "report", report)
  }
}

export default {}
