/**
 * The data plane. Public traffic comes in by the default export; services call one another through `Sidecar`, by fetch and
 * by RPC; `Gateway` is a way in for Workers that stand before the mesh and say which of its gateways they are.
 */
import { WorkerEntrypoint } from "cloudflare:workers"
import type { Entrance } from "#shared/exchange/decide.ts"
import { DEFAULT_GATEWAY, type GatewayId } from "#shared/model/names.ts"
import { refuse } from "#shared/model/refusal.ts"
import type { CheckCall, CheckReply, DeliverCall, DeliverReply } from "#shared/protocol/health.ts"
import { deliver } from "./deliver.ts"
import { lostAtPublicDoor, publicDoor, sidecarDoor } from "./door.ts"
import type { Background } from "./mesh.ts"
import { serve } from "./pipeline.ts"
import { check, proberRefusal } from "./prober.ts"
import { respond, WeftRefusal } from "./respond.ts"
import { perform } from "./rpc.ts"
import { forwardUnknown } from "./sidecar.ts"
import { Isolate, type ProxyEnv, WorkerMesh } from "./world.ts"

const NOT_NAMED = refuse("unauthenticated", 'the binding\'s props must name the caller: { "from": "<service>" }')

/** Made by the first request: a Worker has no bindings before. */
let isolate: Isolate | undefined

/** The gateway that public traffic enters by, read once. */
let door: Entrance | undefined

function isolateOf(env: ProxyEnv): Isolate {
  isolate ??= new Isolate(env)
  return isolate
}

function meshFor(env: ProxyEnv, context: Background, request?: Request): WorkerMesh {
  return new WorkerMesh(isolateOf(env), context, request)
}

/** Serves a request through one door. What escapes is a bug of the mesh: it is logged with its stack and answered 500, once, here. */
async function enter(request: Request, door: Entrance, env: ProxyEnv, context: Background): Promise<Response> {
  try {
    const mesh = meshFor(env, context, request)
    mesh.notice()
    return await serve(request, door, mesh)
  } catch (error) {
    console.error("weft: internal error", error instanceof Error ? error.stack : error)
    isolate?.telemetry.failed(door, Date.now(), context)
    return respond(refuse("internal"))
  }
}

export default {
  fetch(request, env, context) {
    const lost = lostAtPublicDoor(context.props)
    if (lost) return respond(lost)
    door ??= publicDoor(env.WEFT_GATEWAY)
    return enter(request, door, env, context)
  },
} satisfies ExportedHandler<ProxyEnv>

/**
 * Props: `{ gateway: "<namespace>/<name>", port?: <number> }`. Without a port the request's Host header says by which of the
 * gateway's ports it came in.
 */
export class Gateway extends WorkerEntrypoint<ProxyEnv, { gateway?: string; port?: number }> {
  override fetch(request: Request): Promise<Response> {
    const { gateway, port } = this.ctx.props
    const id = (gateway ?? DEFAULT_GATEWAY) as GatewayId
    const door: Entrance = { at: "gateway", gateway: id, ...(typeof port === "number" && { port }) }
    return enter(request, door, this.env, this.ctx)
  }
}

/** Props: `{ from: "<service>", to?: "<service>" }`; without `to` the request's host names the service. */
export class Sidecar extends WorkerEntrypoint<ProxyEnv> {
  static {
    forwardUnknown(Sidecar, ({ ctx, env }, path, operation) => {
      const door = sidecarDoor(ctx.props)
      if (!door) throw new WeftRefusal(NOT_NAMED)
      return perform(path, operation, door, meshFor(env, ctx))
    })
  }

  override fetch(request: Request): Promise<Response> | Response {
    const door = sidecarDoor(this.ctx.props)
    return door ? enter(request, door, this.env, this.ctx) : respond(NOT_NAMED)
  }
}

/** Makes the mesh's health checks and brings its notifications to services, for control alone. */
export class Prober extends WorkerEntrypoint<ProxyEnv> {
  check(call: CheckCall): Promise<CheckReply> {
    const refused = proberRefusal(this.ctx.props)
    if (refused) throw new WeftRefusal(refused)
    return check(call, new WorkerMesh(isolateOf(this.env), this.ctx, undefined, "check"))
  }

  deliver(call: DeliverCall): Promise<DeliverReply> {
    const refused = proberRefusal(this.ctx.props)
    if (refused) throw new WeftRefusal(refused)
    return deliver(call, (request, door) => enter(request, door, this.env, this.ctx))
  }
}
