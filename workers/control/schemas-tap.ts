/** The shapes of taps and of traces in the control API. */
import { z } from "@hono/zod-openapi"
import { LIMITS } from "#shared/model/limits.ts"
import { isLabel } from "#shared/model/names.ts"
import { PUBLIC } from "#shared/telemetry/series.ts"
import { digits } from "./schemas-kit.ts"

const text = z.string().min(1).max(LIMITS.toldCharsMax)
const named = (parts: number, message: string) =>
  z.string().refine((name) => name.split("/").length <= parts && name.split("/").every(isLabel), message)
const service = named(2, "must be a service, `name` or `namespace/name`")

export const tapQuery = z.strictObject({
  from: service
    .optional()
    .openapi({ description: `Only what this service sent; \`${PUBLIC}\`: what came from outside.` }),
  to: service.optional().openapi({ description: "Only what this service was sent." }),
  route: named(3, "must be a route, or a rule: `namespace/route/rule`")
    .optional()
    .openapi({ description: "Only what this route took, or this rule of it." }),
  method: text.optional().openapi({ description: "Only this HTTP method, or RPC method." }),
  path: text.optional().openapi({ description: "Only paths that begin so." }),
  status: z
    .string()
    .regex(/^[1-5](xx|\d\d)$/, "must be a status, or a class: 5xx")
    .optional()
    .openapi({ description: "Only answers with this status: `503`, `5xx`.", example: "5xx" }),
  slower: digits(0, LIMITS.timeoutMsMax)
    .optional()
    .openapi({ description: "Only answers that took at least so many milliseconds." }),
  header: z
    .string()
    .regex(/^[\w!#$%&'*+.^`|~-]{1,128}$/, "must be a header's name")
    .optional()
    .openapi({ description: "Only requests with this header; what it says is shown, unless it is a secret." }),
  value: text.optional().openapi({ description: "Only where the header is this." }),
  rate: digits(1, LIMITS.tapPerSecondMax)
    .optional()
    .openapi({ description: `Exchanges a second at most; ${LIMITS.tapPerSecond} when absent.` }),
  seconds: digits(1, LIMITS.tapSecondsMax)
    .optional()
    .openapi({ description: `When it ends by itself; ${LIMITS.tapSeconds} when absent.` }),
})

export interface TapQuery {
  readonly from?: string
  readonly to?: string
  readonly route?: string
  readonly method?: string
  readonly path?: string
  readonly status?: string
  readonly slower?: number
  readonly header?: string
  readonly value?: string
  readonly rate?: number
  readonly seconds?: number
}

export const traceParams = z.strictObject({
  id: z
    .string()
    .regex(/^[0-9a-f]{32}$/, "must be 32 lower-case hex digits")
    .openapi({ description: "The trace's id.", example: "0af7651916cd43dd8448eb211c80319c" }),
})

export interface TraceParams {
  readonly id: string
}

export const traced = z
  .object({
    traceId: z.string(),
    exchanges: z.array(z.record(z.string(), z.unknown())).openapi({
      description: "What was recorded of it, an exchange a hop, in the order of their beginning.",
    }),
    missing: z.array(z.string()).openapi({ description: "Shards of telemetry that did not answer." }),
  })
  .openapi("Trace")
