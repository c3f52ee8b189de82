/** Whether a security resource covers a place. */
import { namespaceOf } from "#shared/model/names.ts"
import type { Place, Target } from "#shared/model/target.ts"

export function covers(target: Target, place: Place): boolean {
  switch (target.of) {
    case "mesh":
      return true
    case "namespace":
      return place.at === "service" && namespaceOf(place.service) === target.namespace
    case "places":
      return place.at === "service" ? target.services.includes(place.service) : target.gateways.includes(place.gateway)
  }
}
