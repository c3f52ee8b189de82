/** The shape of targets in a snapshot. */
import { LIMITS } from "./limits.ts"
import { id, label, list, object, tagged } from "./shape.ts"

export const target = tagged(
  {
    mesh: object({}),
    namespace: object({ namespace: label }),
    places: object({ services: list(id, LIMITS.targetsMax), gateways: list(id, LIMITS.targetsMax) }),
  },
  "of",
)
