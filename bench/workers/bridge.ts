/** Stand where the proxy looks for objects, and hand its calls on to those of another process. */
import { DurableObject } from "cloudflare:workers"
import type { TelemetryReport } from "#shared/model/telemetry.ts"
import type { Pull } from "#shared/protocol/route-table.ts"

interface Env {
  readonly OBJECTS: { call(namespace: string, name: string, method: string, args: unknown[]): Promise<unknown> }
}

export class RouteTableBridge extends DurableObject<Env> {
  pull(pull: Pull): Promise<unknown> {
    return this.env.OBJECTS.call("ROUTE_TABLE", this.ctx.id.name!, "pull", [pull])
  }
}

export class TelemetryBridge extends DurableObject<Env> {
  report(report: TelemetryReport): Promise<unknown> {
    return this.env.OBJECTS.call("TELEMETRY", this.ctx.id.name!, "report", [report])
  }
}

export default {}
