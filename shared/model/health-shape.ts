/** The shape of active health checks in a snapshot. */
import { LIMITS } from "./limits.ts"
import { filled, list, number, object, path, tagged, whole, word } from "./shape.ts"

const status = whole(100, 599)

export const health = object({
  check: tagged({
    http: object({
      method: word("GET", "HEAD"),
      path,
      statuses: list(object({ from: status, to: status }), LIMITS.healthStatusesMax, 1),
    }),
    rpc: object({ method: filled }),
  }),
  intervalMs: number(LIMITS.healthIntervalMsMin, LIMITS.timeoutMsMax),
  timeoutMs: number(1, LIMITS.healthTimeoutMsMax),
  unhealthyThreshold: whole(1, LIMITS.healthThresholdMax),
  healthyThreshold: whole(1, LIMITS.healthThresholdMax),
  initial: word("healthy", "unhealthy"),
  panicPercent: number(0, 100),
})
