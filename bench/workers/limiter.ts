/** Stands for the control Worker of `bench/limits.ts`: the real objects, and limiters that are of no use. */
import { DurableObject } from "cloudflare:workers"
import type { Grant } from "#shared/model/rate-limit.ts"
import type { LimiterRpc } from "#shared/protocol/limiter.ts"

export { LimiterObject } from "#durable-objects/limiter.ts"
export { RouteTableObject } from "#durable-objects/route-table.ts"
export { default } from "./control.ts"

export class DeadLimiter extends DurableObject implements LimiterRpc {
  lease(): Promise<readonly Grant[]> {
    throw new Error("the limiter is down")
  }
}

export class SilentLimiter extends DurableObject implements LimiterRpc {
  lease(): Promise<readonly Grant[]> {
    return new Promise(() => {})
  }
}
