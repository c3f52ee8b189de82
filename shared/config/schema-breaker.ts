/** The shape of breakers, retry budgets and retries in documents. */
import * as z from "zod"
import type * as B from "#shared/model/breaker-document.ts"
import type { RetryDocument } from "#shared/model/document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import * as check from "./checks.ts"
import { complain } from "./complaint.ts"
import { conflict, list, named, object, optional, text, whole } from "./schema-kit.ts"

const duration = text(check.checkDuration(1), {
  pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
  examples: ["250ms", "2s", "1m30s"],
})
const percent = z.number().min(0).max(100)
const volume = whole(1, LIMITS.breakerVolumeMax)
const probes = whole(1, LIMITS.breakerProbesMax)

/** Names that say who is asking, or what is asked for: an answer to one is none to another. */
function checkIgnored(name: string) {
  const malformed = check.checkHeaderName(name)
  if (malformed) return malformed
  if (!TELLING.has(name.toLowerCase())) return undefined
  return complain(
    "telling-header",
    `Answers differ by ${JSON.stringify(name)}: ignoring it would give one caller another's`,
  )
}

const TELLING = new Set(["authorization", "proxy-authorization", "cookie", "range", "weft-from"])

const stale = object<B.StaleDocument>("BreakerStale", {
  maxAge: optional(
    text(check.checkDuration(1, LIMITS.staleAgeMsMax), {
      pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
      examples: ["5m", "1h"],
    }),
    "Older answers are not given. Default `5m`.",
  ),
  ignoreHeaders: optional(
    list(text(checkIgnored, { examples: ["x-client-version"] }), { max: LIMITS.headerChangesMax }),
    "Request headers that make no difference to the answer, beside those of connections, traces and caches.",
  ),
})

const fallback = object<B.FallbackDocument>(
  "BreakerFallback",
  {
    stale: optional(
      stale,
      "The last good answer to the same GET request, kept in each isolate: `{}` for the defaults.",
    ),
    service: optional(text(check.checkReference)),
    subset: optional(text(check.checkName)),
    respond: optional(
      object<NonNullable<B.FallbackDocument["respond"]>>("FallbackResponse", {
        status: whole(200, 599),
        headers: optional(
          named(check.checkChangedHeader, text(check.checkHeaderValue), {
            max: LIMITS.headerChangesMax,
            fold: (name) => name.toLowerCase(),
          }),
        ),
        body: optional(z.string().max(LIMITS.responseBodyCharsMax)),
      }),
    ),
  },
  (value) =>
    "service" in value || "respond" in value || "stale" in value
      ? (conflict(value, ["service", "respond"]) ?? conflict(value, ["subset", "respond"]) ?? needsService(value))
      : complain("missing-key", 'One of "service", "respond", "stale" must be there'),
)

function needsService(value: B.FallbackDocument) {
  if (!("subset" in value) || "service" in value) return undefined
  return complain("missing-key", 'A "subset" needs the "service" that it is one of')
}

const breaker = object<B.BreakerDocument>("Breaker", {
  window: optional(duration, "What is looked back on. Default `10s`."),
  volume: optional(volume, "Percentages count from this many attempts in the window on. Default 20."),
  failurePercent: optional(percent, "Opens at this share of failed attempts. Default 50; 0 to leave failures out."),
  consecutive: optional(volume, "Opens at this many failures in a row."),
  slow: optional(
    object<NonNullable<B.BreakerDocument["slow"]>>("BreakerSlow", { over: duration, percent: optional(percent) }),
    "Opens at this share of attempts that take longer. Default 50 percent.",
  ),
  coolDown: optional(duration, "The first rest; it doubles while the service does not recover. Default `5s`."),
  coolDownMax: optional(duration, "Default `1m`."),
  probes: optional(probes, "Probes in flight at a time, in the whole mesh. Default 1."),
  successes: optional(probes, "Probes that must succeed before all requests pass again. Default 1."),
  warmup: optional(
    duration,
    "How long requests take to come back after a rest, from as many as there were before it. Default: at once.",
  ),
  fallback: optional(fallback, "What callers get while it is open; without, 503 `circuit_open`."),
})

const retryBudget = object<B.RetryBudgetDocument>("RetryBudget", {
  percent: optional(
    z
      .number()
      .min(0)
      .max(100 * LIMITS.retryAttemptsMax),
    "Of the requests of ten seconds. Default 20.",
  ),
  perSecond: optional(
    z.number().min(0).max(LIMITS.retryBudgetMax),
    "So many a second are allowed in each proxy isolate however few requests there are. Default 1.",
  ),
})

export const protectionShape = {
  breaker: optional(breaker, "Gives the service a rest when it fails: `{}` for the defaults."),
  retryBudget: optional(retryBudget, "How much retries may add to the requests."),
}

const responseHeader = object<{ header: string; value?: string }>("RetryOnHeader", {
  header: text(check.checkHeaderName),
  value: optional(text(check.checkHeaderValue)),
})

export const retry = object<RetryDocument>("Retry", {
  attempts: whole(1, LIMITS.retryAttemptsMax),
  on: optional(
    list(
      z.union([
        whole(400, 599),
        z.enum(["5xx", "gateway-error", "reset", "connect-failure", "attempt-timeout", "retriable-4xx"]),
        responseHeader,
      ]),
      { min: 1, max: LIMITS.retryConditionsMax },
    ),
    "A status, a class of them, or a header of the response. Default `connect-failure` and `gateway-error`.",
  ),
  backoff: optional(duration),
  unsafe: optional(z.boolean(), "Also requests that may act twice, and RPC calls."),
  nested: optional(z.boolean(), "Also inside another hop's attempt. By default only the first hop of a chain retries."),
  hedge: optional(
    object<NonNullable<RetryDocument["hedge"]>>("Hedge", {
      after: duration,
      max: optional(whole(1, LIMITS.hedgesMax)),
    }),
    "A further attempt beside one that takes longer than this; the first good answer wins.",
  ),
})
