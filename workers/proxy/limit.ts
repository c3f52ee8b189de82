/** Stage `limit`: whether the rule's rate limits let the request through, and what its sender is told of them. */
import { policyField, standingField } from "#shared/exchange/limit-fields.ts"
import type { RateLimit } from "#shared/model/rate-limit.ts"
import type { Refusal } from "#shared/model/refusal.ts"
import type { RequestHead } from "#shared/routing/head.ts"
import type { Exchange } from "./exchange.ts"
import { changeable } from "./filter.ts"
import type { Mesh } from "./mesh.ts"

export async function limit(
  exchange: Exchange,
  limits: readonly RateLimit[],
  head: RequestHead,
  mesh: Mesh,
): Promise<Refusal | undefined> {
  exchange.limited = await mesh.limiter.admit(limits, head, exchange.matched?.captures, mesh)
  return exchange.limited.refusal
}

/** The response with where its caller stands. Both fields are lists, to which an upstream may have added its own limits. */
export function toldStanding(response: Response, { limited }: Exchange): Response {
  if (!limited || limited.standings.length === 0) return response
  const told = changeable(response)
  for (const standing of limited.standings) {
    told.headers.append("ratelimit-policy", policyField(standing))
    told.headers.append("ratelimit", standingField(standing))
  }
  return told
}
