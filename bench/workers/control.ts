/** Stands for the control Worker: hosts the real route table object and puts the bench's mesh into it. */

import type { Snapshot } from "#shared/model/snapshot.ts"
import { digest, encode } from "#shared/model/snapshot-codec.ts"
import { MESH, type RouteTableRpc } from "#shared/protocol/route-table.ts"
import { API_KEY } from "./api-key.ts"

export { BreakerObject } from "#durable-objects/breaker.ts"
export { LimiterObject } from "#durable-objects/limiter.ts"
export { RelayObject } from "#durable-objects/relay.ts"
export { RouteTableObject } from "#durable-objects/route-table.ts"
export { TelemetryObject } from "#durable-objects/telemetry.ts"

interface Env {
  readonly ROUTE_TABLE: DurableObjectNamespace
}

export default {
  async fetch(request, { ROUTE_TABLE }) {
    const snapshot: Snapshot = await request.json()
    const text = encode(snapshot)
    const table = ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc
    const result = await table.commit({
      expected: 0,
      idempotencyKey: crypto.randomUUID(),
      documents: "{}",
      snapshot: text,
      digest: await digest(text),
      author: "bench",
      message: "",
      added: 0,
      changed: 0,
      removed: 0,
    })
    await table.createKey({ id: "bench", hash: await digest(API_KEY), owner: "bench", scopes: [], createdBy: "bench" })
    return Response.json(result)
  },
} satisfies ExportedHandler<Env>
