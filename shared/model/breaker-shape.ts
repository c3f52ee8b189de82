/** The shape of breakers and retry budgets in a snapshot. */
import { LIMITS } from "./limits.ts"
import { fieldName, filled, id, label, list, number, object, tagged, text, whole } from "./shape.ts"

const share = number(0, 1)
const milliseconds = number(1, LIMITS.timeoutMsMax)
const header = object({ name: filled, value: text })

export const breaker = object(
  {
    windowMs: milliseconds,
    volumeMin: whole(1, LIMITS.breakerVolumeMax),
    coolDownMs: milliseconds,
    coolDownMsMax: milliseconds,
    probes: whole(1, LIMITS.breakerProbesMax),
    successes: whole(1, LIMITS.breakerProbesMax),
  },
  {
    failureRatio: share,
    consecutive: whole(1, LIMITS.breakerVolumeMax),
    slow: object({ overMs: milliseconds, ratio: share }),
    warmupMs: milliseconds,
    stale: object({
      maxAgeMs: number(1, LIMITS.staleAgeMsMax),
      ignoreHeaders: list(fieldName, LIMITS.headerChangesMax),
    }),
    fallback: tagged({
      service: object({ backend: object({ service: id }, { subset: label }) }),
      respond: object({
        respond: object({ status: whole(200, 599), headers: list(header, LIMITS.headerChangesMax), body: text }),
      }),
    }),
  },
)

export const retryBudget = object({
  ratio: number(0, LIMITS.retryAttemptsMax),
  perSecondMin: number(0, LIMITS.retryBudgetMax),
})
