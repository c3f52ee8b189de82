/** What an isolate has heard of the mesh's health checks: which places of a service callers should avoid, and until when that holds. */
import type { HealthNews } from "#shared/protocol/health.ts"

export interface Avoidance {
  readonly generation: number
  readonly unhealthy: ReadonlySet<string>
  /** When there: others are to be avoided as well, since nobody has checked them. */
  readonly known: ReadonlySet<string> | undefined
  readonly untilMs: number
}

export class HealthBook {
  #services: ReadonlyMap<string, Avoidance> = new Map()

  /** All that there is to say now: of a service that is not among them nothing is to be avoided. An answer that was long on its way is not heard. */
  hear(news: readonly HealthNews[], nowMs: number): void {
    if (news.length === 0 && this.#services.size === 0) return
    this.#services = new Map(
      news.map(({ service, generation, unhealthy, known, forMs }) => {
        const before = this.of(service, nowMs)
        if (before && before.generation > generation) return [service, before]
        const untilMs = nowMs + forMs
        return [service, { generation, unhealthy: new Set(unhealthy), known: known && new Set(known), untilMs }]
      }),
    )
  }

  /** Nobody is avoided for want of news. */
  of(service: string, nowMs: number): Avoidance | undefined {
    const found = this.#services.get(service)
    return found && nowMs < found.untilMs ? found : undefined
  }
}

export function isAvoided({ unhealthy, known }: Avoidance, place: string): boolean {
  return unhealthy.has(place) || (known !== undefined && !known.has(place))
}
