/** The shape of rate limits in documents. */
import * as z from "zod"
import type { RateLimitDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import * as check from "./checks.ts"
import { complain } from "./complaint.ts"
import { readLimitKey } from "./limit-key.ts"
import { list, object, optional, text, whole } from "./schema-kit.ts"

const name = text(check.checkName, { pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" })
const tokens = whole(1, LIMITS.limitTokensMax)
const reference = text(check.checkReference)
const period = text(
  check.checkDuration(LIMITS.limitPeriodMsMin, LIMITS.limitPeriodMsMax, "limits count by the second"),
  {
    pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
    examples: ["1s", "1m", "24h"],
  },
)
const key = text(
  (value) => {
    const read = readLimitKey(value)
    return "rule" in read ? read : undefined
  },
  { examples: ["caller", "header:x-api-key", "capture:id"] },
)

const cost: z.ZodType<NonNullable<RateLimitDocument["cost"]>> = z.union([
  tokens,
  object<Exclude<RateLimitDocument["cost"], number | undefined>>("RateLimitCost", {
    header: text(check.checkHeaderName),
    from: z.union([reference, list(reference, { min: 1, max: LIMITS.callersMax })]),
    otherwise: optional(tokens),
  }),
])

const rateLimit = object<RateLimitDocument>(
  "RateLimit",
  {
    name: optional(name, "What callers read in `RateLimit` headers. Default `limit-<index>`."),
    requests: tokens,
    per: period,
    burst: optional(tokens, "So many may come at once after a pause. Default: `requests`."),
    key: optional(
      list(key, { min: 1, max: LIMITS.limitKeyPartsMax }),
      "Requests that agree in all of these share a bucket: `caller`, `ip`, `method`, `rpc`, `key`, `claim:<name>`, `header:<name>`, `cookie:<name>`, `capture:<name>`.",
    ),
    scope: optional(
      z.enum(["isolate", "mesh", "exact"]),
      "Who shares the limit. `mesh` (default): all, by tokens leased ahead. `exact`: all, asked for each request. `isolate`: each for itself.",
    ),
    cost: optional(cost, "Tokens that a request takes: a number, or what a header of trusted callers says."),
    shadow: optional(z.boolean(), "Counts, and refuses nothing."),
    whenUnavailable: optional(
      z.enum(["allow", "deny"]),
      "While the limiter cannot be asked: `allow` (default) lets each isolate go by the limit alone, `deny` refuses.",
    ),
    headers: optional(z.boolean(), "Also tell admitted requests where they stand."),
  },
  ({ scope, whenUnavailable }) =>
    scope === "isolate" && whenUnavailable !== undefined
      ? complain("no-effect", '"whenUnavailable" has no effect: the scope "isolate" asks nobody', "leave it out")
      : undefined,
)

export const rateLimits = list(rateLimit, { min: 1, max: LIMITS.rateLimitsMax })
