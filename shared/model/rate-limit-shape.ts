/** The shape of rate limits in a snapshot. */
import { LIMITS } from "./limits.ts"
import { filled, flag, id, list, object, tagged, whole, word } from "./shape.ts"

const tokens = whole(1, LIMITS.limitTokensMax)
const named = object({ name: filled })

const key = tagged(
  {
    caller: object({}),
    ip: object({}),
    method: object({}),
    rpc: object({}),
    key: object({}),
    claim: object({ way: list(filled, LIMITS.jwtDepthMax, 1) }),
    header: named,
    cookie: named,
    capture: named,
  },
  "by",
)

const cost = tagged({
  fixed: object({ tokens }),
  header: object({ name: filled, from: list(id, LIMITS.callersMax, 1), otherwise: tokens }),
})

export const rateLimits = list(
  object({
    id: filled,
    name: filled,
    requests: tokens,
    perMs: whole(LIMITS.limitPeriodMsMin, LIMITS.limitPeriodMsMax),
    burst: tokens,
    key: list(key, LIMITS.limitKeyPartsMax),
    scope: word("isolate", "mesh", "exact"),
    cost,
    shadow: flag,
    whenUnavailable: word("allow", "deny"),
    headers: flag,
  }),
  LIMITS.rateLimitsMax,
)
