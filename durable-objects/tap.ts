/**
 * Who taps the mesh: one object holds their WebSockets, and sleeps while nothing matches. It tells all shards of telemetry which taps are
 * open, and again as long as they are; shards tell the isolates that report to them, and send here what those see.
 *
 *   open --told to shards, renewed by alarm--> open ... --time is over, or the viewer goes--> closed, told to shards
 *
 * Taps are kept by their sockets alone: what was restarted without them has none.
 */
import { DurableObject } from "cloudflare:workers"
import { LIMITS } from "#shared/model/limits.ts"
import type { OpenTaps, Tap, TapBatch, TapMessage } from "#shared/model/tap.ts"
import { SHARDS } from "#shared/propagation/shards.ts"
import { AUDIT, type AuditRpc } from "#shared/protocol/audit.ts"
import { TAP_HEADER, type TapOrder, type TapRpc } from "#shared/protocol/tap.ts"
import type { TelemetryRpc } from "#shared/protocol/telemetry.ts"
import { Quota } from "#shared/telemetry/quota.ts"
import { inTime } from "./in-time.ts"

interface TapEnv {
  readonly TELEMETRY: DurableObjectNamespace
  /** Absent in a mesh whose objects are bound by hand. */
  readonly AUDIT?: DurableObjectNamespace
}

export class TapObject extends DurableObject<TapEnv> implements TapRpc {
  /** As far as this instance has seen them: a second of quota is all that sleep can cost. */
  readonly #quotas = new Map<string, Quota>()

  /** Only control reaches this: the order is its word. */
  override async fetch(request: Request): Promise<Response> {
    const order = JSON.parse(request.headers.get(TAP_HEADER) ?? "null") as TapOrder | null
    if (!order || request.headers.get("upgrade")?.toLowerCase() !== "websocket")
      return new Response(null, { status: 400 })
    if (this.ctx.getWebSockets().length >= LIMITS.tapsMax) return new Response(null, { status: 429 })
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    server.serializeAttachment({ id: crypto.randomUUID(), ...order } satisfies Attached)
    this.ctx.waitUntil(this.#announce())
    return new Response(null, { status: 101, webSocket: client })
  }

  async deliver({ exchanges, dropped }: TapBatch): Promise<OpenTaps | undefined> {
    const nowMs = Date.now()
    const lost = new Map(dropped)
    const byTap = Map.groupBy(exchanges, ([id]) => id)
    for (const socket of this.ctx.getWebSockets()) {
      const attached = attachedTo(socket)
      const { id, perSecond } = attached
      const offered = byTap.get(id) ?? []
      const shown = offered.filter(() => this.#quotaOf(id).take(perSecond, nowMs)).map(([, exchange]) => exchange)
      const missed = (lost.get(id) ?? 0) + offered.length - shown.length
      if (shown.length > 0) {
        socket.serializeAttachment({ ...attached, shown: (attached.shown ?? 0) + shown.length } satisfies Attached)
      }
      if (shown.length + missed > 0) send(socket, { kind: "exchanges", exchanges: shown, dropped: missed })
    }
    return this.#open(nowMs)
  }

  override async alarm(): Promise<void> {
    const nowMs = Date.now()
    for (const socket of this.ctx.getWebSockets()) {
      const attached = attachedTo(socket)
      if (attached.endsAtMs > nowMs) continue
      // Who is told closes its end at once; when both do it together, the viewer's waits for the other for many seconds.
      if (attached.toldEnd) {
        socket.close(1000, "its time is over")
        this.ctx.waitUntil(this.#recordEnd(socket))
      } else {
        send(socket, { kind: "end", because: "time" })
        socket.serializeAttachment({ ...attached, toldEnd: true } satisfies Attached)
      }
    }
    await this.#announce()
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    socket.close()
    await Promise.all([this.#announce(socket), this.#recordEnd(socket)])
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await Promise.all([this.#announce(socket), this.#recordEnd(socket)])
  }

  /** The log takes the first word for an end. While it cannot be reached, the entry says what was begun. */
  async #recordEnd(socket: WebSocket): Promise<void> {
    const { entry, shown = 0 } = attachedTo(socket)
    if (entry === undefined || !this.env.AUDIT) return
    const log = this.env.AUDIT.getByName(AUDIT) as unknown as AuditRpc
    const end = { outcome: "done", status: 101, shown } as const
    try {
      await log.end(entry, end)
    } catch (error) {
      console.error(
        JSON.stringify({ message: "the audit log did not take the end of a tap", entry, ...end, error: `${error}` }),
      )
    }
  }

  #quotaOf(id: string): Quota {
    const known = this.#quotas.get(id) ?? new Quota()
    this.#quotas.set(id, known)
    return known
  }

  #open(nowMs: number, gone?: WebSocket): OpenTaps | undefined {
    const taps = this.ctx
      .getWebSockets()
      .filter((socket) => socket !== gone && socket.readyState === WebSocket.OPEN)
      .map(attachedTo)
      .filter(({ endsAtMs }) => endsAtMs > nowMs)
      .map(({ id, filter, perSecond }): Tap => ({ id, filter, perSecond }))
    return taps.length > 0 ? { taps, untilMs: nowMs + LIMITS.tapLeaseMs } : undefined
  }

  /** A shard that does not hear it goes by its lease. */
  async #announce(gone?: WebSocket): Promise<void> {
    const nowMs = Date.now()
    const open = this.#open(nowMs, gone)
    for (const id of this.#quotas.keys()) if (!open?.taps.some((tap) => tap.id === id)) this.#quotas.delete(id)
    const ends = this.ctx
      .getWebSockets()
      .filter((socket) => socket !== gone)
      .map(attachedTo)
      .map(({ toldEnd, endsAtMs }) => (toldEnd ? nowMs + LIMITS.tapGraceMs : endsAtMs))
    if (ends.length > 0) {
      await this.ctx.storage.setAlarm(Math.max(nowMs + 100, Math.min(nowMs + LIMITS.tapRenewMs, ...ends)))
    } else await this.ctx.storage.deleteAlarm()
    const calls = SHARDS.map(async ({ name, hint }) => {
      const shard = this.env.TELEMETRY.getByName(name, hint && { locationHint: hint }) as unknown as TelemetryRpc
      await shard.openTaps(open)
    })
    await inTime(Promise.allSettled(calls), LIMITS.shardAnswerMs, () => undefined)
  }
}

interface Attached extends TapOrder {
  readonly id: string
  readonly toldEnd?: boolean
  /** How many exchanges its viewer was sent. */
  readonly shown?: number
}

function attachedTo(socket: WebSocket): Attached {
  return socket.deserializeAttachment() as Attached
}

/** A viewer that is gone already hears nothing. */
function send(socket: WebSocket, message: TapMessage): void {
  try {
    socket.send(JSON.stringify(message))
  } catch {
    return
  }
}
