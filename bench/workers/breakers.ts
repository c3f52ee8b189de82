/** Stands for the control Worker: the real objects, a mesh to commit, and a way to kill a breaker's object in its work. */
import { BreakerObject } from "#durable-objects/breaker.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"
import { digest, encode } from "#shared/model/snapshot-codec.ts"
import { MESH, type RouteTableRpc } from "#shared/protocol/route-table.ts"

export { RouteTableObject } from "#durable-objects/route-table.ts"

export class MortalBreaker extends BreakerObject {
  kill(): void {
    this.ctx.abort("killed by the bench")
  }
}

interface Env {
  readonly ROUTE_TABLE: DurableObjectNamespace
  readonly BREAKER: DurableObjectNamespace<MortalBreaker>
}

export default {
  async fetch(request, { ROUTE_TABLE, BREAKER }) {
    const cluster = new URL(request.url).searchParams.get("kill")
    if (cluster) {
      await BREAKER.getByName(cluster)
        .kill()
        .catch(() => {})
      return new Response("killed")
    }
    const text = encode((await request.json()) as Snapshot)
    const about = { author: "bench", message: "", added: 0, changed: 0, removed: 0, documents: "{}" }
    const commit = { expected: 0, idempotencyKey: crypto.randomUUID(), snapshot: text, digest: await digest(text) }
    const table = ROUTE_TABLE.getByName(MESH) as unknown as RouteTableRpc
    return Response.json(await table.commit({ ...about, ...commit }))
  },
} satisfies ExportedHandler<Env>
