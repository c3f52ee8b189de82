/**
 * Stage `authenticate`: who the end user is. A request is judged at its door, a gateway or the service that it addresses, and at
 * every service that its rule may send it to. Who must prove something and does not is refused; there is no way to be nobody by
 * being wrong.
 */
import { covers } from "#shared/identity/coverage.ts"
import type { Authentication } from "#shared/model/authentication.ts"
import { type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Place } from "#shared/model/target.ts"
import type { Entry } from "#shared/routing/table.ts"
import type { Exchange } from "./exchange.ts"

export function authenticate(
  exchange: Exchange,
  entry: Entry,
  authentications: readonly Authentication[],
): Refusal | undefined {
  const places = placesOf(exchange, entry)
  const required = authentications.some((one) => one.required && places.some((place) => covers(one.target, place)))
  return required ? refuse("unauthenticated") : undefined
}

function placesOf({ matched, backend }: Exchange, entry: Entry): Place[] {
  const door: Place =
    entry.at === "gateway" ? { at: "gateway", gateway: entry.gateway } : { at: "service", service: entry.service }
  const backends = matched?.rule.backends ?? (backend ? [backend] : [])
  return [door, ...backends.map(({ service }): Place => ({ at: "service", service }))]
}
