/**
 * The pipeline in the caller's own Worker: a mesh without a hop. To measure what that would gain and cost
 * (docs/decisions/0021-embedding.md); no way of it is shipped.
 */
import type { Entrance } from "#shared/exchange/decide.ts"
import { peerFromProps } from "#shared/identity/peer.ts"
import type { Background } from "#workers/proxy/mesh.ts"
import { serve } from "#workers/proxy/pipeline.ts"
import { Isolate, type ProxyEnv, WorkerMesh } from "#workers/proxy/world.ts"

let isolate: Isolate | undefined

/** What stands in the place of a mesh binding: the Worker's own bindings must lead to the objects and to the upstreams. */
export function embedded(env: ProxyEnv, background: Background, props: object): Pick<Fetcher, "fetch"> {
  isolate ??= new Isolate(env)
  const kept = isolate
  const peer = peerFromProps(props)
  if (!peer) throw new Error("the props name no caller")
  const door: Entrance = { at: "service", peer }
  return { fetch: (request) => serve(request as Request, door, new WorkerMesh(kept, background)) }
}
