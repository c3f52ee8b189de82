/**
 * Takes money: POST /charge. For trying out what a mesh does about trouble it has a knob, PUT /knob, which makes it slow
 * or makes part of the charges fail.
 */
import { DurableObject } from "cloudflare:workers"

interface Env {
  readonly TILL: DurableObjectNamespace<Till>
}

interface Knob {
  /** Share of charges that fail with 503, 0 to 1. */
  readonly failRate: number
  readonly delayMs: number
}

interface Charge {
  readonly amountCents: number
}

const DELAY_MS_MAX = 10_000

/** Knob and charges. A charge with a key that was seen before is the same charge: repeating it takes no money twice. */
export class Till extends DurableObject<Env> {
  knob(): Knob {
    return this.ctx.storage.kv.get<Knob>("knob") ?? { failRate: 0, delayMs: 0 }
  }

  turn(knob: Knob): void {
    this.ctx.storage.kv.put("knob", knob)
  }

  charge(key: string, amountCents: number): { paymentId: string; repeated: boolean } {
    const before = this.ctx.storage.kv.get<string>(`charge:${key}`)
    if (before) return { paymentId: before, repeated: true }
    const paymentId = `pay_${crypto.randomUUID().slice(0, 8)}`
    this.ctx.storage.kv.put(`charge:${key}`, paymentId)
    this.ctx.storage.kv.put("takenCents", (this.ctx.storage.kv.get<number>("takenCents") ?? 0) + amountCents)
    return { paymentId, repeated: false }
  }
}

export default {
  async fetch(request, env): Promise<Response> {
    const till = env.TILL.getByName("till")
    const { pathname } = new URL(request.url)
    if (pathname === "/charge" && request.method === "POST") return charge(request, till)
    if (pathname === "/knob" && request.method === "GET") return Response.json(await till.knob())
    if (pathname === "/knob" && request.method === "PUT") return turn(request, till)
    return Response.json({ error: "not_found" }, { status: 404 })
  },
} satisfies ExportedHandler<Env>

async function charge(request: Request, till: DurableObjectStub<Till>): Promise<Response> {
  const traceparent = request.headers.get("traceparent")
  const hop = { service: "payments", traceparent }
  const key = request.headers.get("idempotency-key")
  const body = (await request.json().catch(() => undefined)) as Partial<Charge> | undefined
  if (!key || !Number.isSafeInteger(body?.amountCents) || body!.amountCents! <= 0) {
    return Response.json({ error: "bad_charge", hop }, { status: 400 })
  }
  const knob = await till.knob()
  if (knob.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, knob.delayMs))
  if (Math.random() < knob.failRate) return Response.json({ error: "out_of_order", hop }, { status: 503 })
  return Response.json({ ...(await till.charge(key, body!.amountCents!)), hop })
}

async function turn(request: Request, till: DurableObjectStub<Till>): Promise<Response> {
  const { failRate, delayMs } = (await request.json().catch(() => ({}))) as Partial<Knob>
  if (!within(failRate, 1) || !within(delayMs, DELAY_MS_MAX)) {
    return Response.json(
      { error: "bad_knob", expected: { failRate: "0 to 1", delayMs: `0 to ${DELAY_MS_MAX}` } },
      { status: 400 },
    )
  }
  await till.turn({ failRate, delayMs })
  return Response.json({ failRate, delayMs })
}

function within(value: unknown, max: number): value is number {
  return typeof value === "number" && value >= 0 && value <= max
}
