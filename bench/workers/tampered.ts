/**
 * The control Worker, with ways past its checks: what is sent to `/tamper` becomes the next revision's snapshot as it is; by `/trouble` all
 * objects that isolates ask are slow, or down, from then on; and `/calls` says how often they were asked.
 */

import { digest } from "#shared/model/snapshot-codec.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import type { Trouble } from "#test/support/trouble.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import * as real from "#workers/control/index.ts"

export * from "#workers/control/index.ts"

interface Tampering {
  readonly text: string
  /** Instead of the text's own. */
  readonly digest?: string
}

/** Objects of one Worker share its globals here, in one process. */
let trouble: Trouble = {}
const calls: Record<string, number> = {}

type Method = (...args: unknown[]) => Promise<unknown>
// biome-ignore lint/suspicious/noExplicitAny: a mixin's constructor takes what the class's takes.
type ObjectClass = new (...args: any[]) => object

/** The class, with trouble before these methods. */
function troubled<C extends ObjectClass>(Base: C, methods: readonly string[]): C {
  const Troubled = class extends Base {}
  for (const method of methods) {
    const proper = (Base.prototype as Record<string, Method>)[method]!
    const name = `${Base.name}.${method}`
    Object.defineProperty(Troubled.prototype, method, {
      async value(this: object, ...args: unknown[]) {
        calls[name] = (calls[name] ?? 0) + 1
        if (trouble.down) throw new Error("the object is down")
        if (trouble.lateMs) await new Promise((resolve) => setTimeout(resolve, trouble.lateMs))
        return proper.apply(this, args)
      },
    })
  }
  return Troubled
}

export const RelayObject = troubled(real.RelayObject, ["pull", "confirm", "text", "keysSince", "push"])
export const RouteTableObject = troubled(real.RouteTableObject, ["pull", "confirm", "text", "keysSince", "follow"])
export const BreakerObject = troubled(real.BreakerObject, ["report"])
export const LimiterObject = troubled(real.LimiterObject, ["lease"])
export const TelemetryObject = troubled(real.TelemetryObject, ["report"])

export default {
  async fetch(request, env, context) {
    switch (new URL(request.url).pathname) {
      case "/tamper":
        return Response.json(await tamper(await request.json(), env))
      case "/trouble":
        trouble = await request.json()
        return Response.json({})
      case "/calls":
        return Response.json(calls)
      default:
        return real.default.fetch!(request, env, context)
    }
  },
} satisfies ExportedHandler<ControlEnv>

async function tamper({ text, digest: claimed }: Tampering, env: ControlEnv) {
  const table = env.ROUTE_TABLE.getByName(MESH)
  const expected = (await table.head())?.revision ?? 0
  const about = { author: "tamperer", message: "", added: 0, changed: 0, removed: 0, documents: '{"resources":[]}' }
  const hash = claimed ?? (await digest(text))
  return table.commit({ ...about, expected, idempotencyKey: crypto.randomUUID(), snapshot: text, digest: hash })
}
