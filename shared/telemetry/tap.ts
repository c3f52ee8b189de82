/** Which exchanges a tap sees, and how many of them. */
import { LIMITS } from "#shared/model/limits.ts"
import { namespaceOf } from "#shared/model/names.ts"
import type { Tap, TapBatch, TapFilter, TappedExchange } from "#shared/model/tap.ts"
import { hideSecret } from "#shared/std/secret.ts"
import type { AccessRecord } from "./access-record.ts"
import { Quota } from "./quota.ts"
import { PUBLIC } from "./series.ts"

type Headers = { get(name: string): string | null } | undefined

export function matches(filter: TapFilter, record: AccessRecord, headers: Headers): boolean {
  const { from, to, route, method, path, status, slowerThanMs, header, namespaces } = filter
  if (from !== undefined && (record.from ?? PUBLIC) !== from) return false
  if (to !== undefined && record.to !== to) return false
  if (route !== undefined && record.rule !== route && !record.rule?.startsWith(`${route}/`)) return false
  if (method !== undefined && record.method !== method) return false
  if (path !== undefined && !record.path?.startsWith(path)) return false
  if (status !== undefined && !isOfStatus(record.status, status)) return false
  if (slowerThanMs !== undefined && record.durationMs < slowerThanMs) return false
  if (namespaces && !(record.to !== undefined && namespaces.includes(namespaceOf(record.to as never)))) return false
  if (!header) return true
  const found = headers?.get(header.name) ?? null
  return found !== null && (header.value === undefined || found === header.value)
}

function isOfStatus(status: number, wanted: string): boolean {
  return wanted.endsWith("xx") ? String(status)[0] === wanted[0] : String(status) === wanted
}

export function tapped(
  record: AccessRecord,
  { header }: TapFilter,
  headers: Headers,
  colo: string | undefined,
): TappedExchange {
  const {
    atMs,
    durationMs,
    protocol,
    from,
    to,
    subset,
    rule,
    method,
    host,
    path,
    status,
    refusal,
    attempts,
    revision,
  } = record
  const value = header && headers?.get(header.name)
  return {
    ...{ atMs, durationMs, protocol, method: method.slice(0, LIMITS.toldCharsMax), status, attempts, revision },
    traceId: record.trace.traceId,
    ...defined({ from, to, subset, rule, host, path, refusal, colo }),
    ...(header && value && { header: hideSecret(header.name, value).slice(0, LIMITS.toldCharsMax) }),
  }
}

function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

/** What one isolate has seen for open taps, and has not told yet: bounded, whatever anybody asks for. */
export class TapBuffer {
  #exchanges: [string, TappedExchange][] = []
  #dropped = new Map<string, number>()
  readonly #quotas = new Map<string, Quota>()

  get isEmpty(): boolean {
    return this.#exchanges.length === 0 && this.#dropped.size === 0
  }

  offer(taps: readonly Tap[], record: AccessRecord, headers: Headers, colo: string | undefined, nowMs: number): void {
    for (const { id, filter, perSecond } of taps) {
      if (!matches(filter, record, headers)) continue
      const quota = this.#quotas.get(id) ?? new Quota()
      this.#quotas.set(id, quota)
      const hasPlace = this.#exchanges.length < LIMITS.tapHeldMax && quota.take(perSecond, nowMs)
      if (hasPlace) this.#exchanges.push([id, tapped(record, filter, headers, colo)])
      else this.#dropped.set(id, (this.#dropped.get(id) ?? 0) + 1)
    }
  }

  take(): TapBatch {
    const batch = { exchanges: this.#exchanges, dropped: [...this.#dropped] }
    this.#exchanges = []
    this.#dropped = new Map()
    return batch
  }

  /** Taps that are closed are forgotten. */
  keep(taps: readonly Tap[]): void {
    const open = new Set(taps.map(({ id }) => id))
    for (const id of this.#quotas.keys()) if (!open.has(id)) this.#quotas.delete(id)
  }
}
