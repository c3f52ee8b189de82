/** The shape of active health checks in documents. */
import * as z from "zod"
import type { HealthDocument } from "#shared/model/health-document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import * as check from "./checks.ts"
import { type Complaint, complain, quote } from "./complaint.ts"
import { checkPath } from "./path-syntax.ts"
import { conflict, list, object, optional, text, whole } from "./schema-kit.ts"

const METHOD = /^[A-Za-z_$][\w$]{0,63}(\.[A-Za-z_$][\w$]{0,63}){0,7}$/

/** Names that mean something else on a binding, or that the runtime asks an entrypoint for itself. */
const NO_METHODS = new Set(["fetch", "connect", "then", "dup", "constructor", "alarm", "scheduled", "queue", "email"])

const duration = (leastMs: number, mostMs: number, why: string) =>
  text(check.checkDuration(leastMs, mostMs, why), {
    pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
    examples: ["10s", "1m"],
  })
const interval = duration(LIMITS.healthIntervalMsMin, LIMITS.timeoutMsMax, "each check is a request")
const timeout = duration(1, LIMITS.healthTimeoutMsMax, "an answer takes time")
const threshold = whole(1, LIMITS.healthThresholdMax)

export const health = object<HealthDocument>(
  "Health",
  {
    path: optional(text(checkTarget, { examples: ["/healthz"] }), "Path and query of an HTTP check."),
    method: optional(z.enum(["GET", "HEAD"]), "Default `GET`."),
    expectedStatuses: optional(
      list(z.union([whole(100, 599), z.enum(["1xx", "2xx", "3xx", "4xx", "5xx"])]), {
        min: 1,
        max: LIMITS.healthStatusesMax,
      }),
      "Statuses, or classes of them. Default `2xx`.",
    ),
    rpc: optional(text(checkMethod, { examples: ["ping"] }), "RPC method without arguments; healthy when it returns."),
    interval: optional(interval, "Between two checks of an endpoint. Default `10s`."),
    timeout: optional(timeout, "Default `1s`."),
    unhealthyThreshold: optional(threshold, "Failed checks in a row until an endpoint is left out. Default 3."),
    healthyThreshold: optional(threshold, "Good checks in a row until it is back. Default 2."),
    initial: optional(
      z.enum(["healthy", "unhealthy"]),
      "What an endpoint is taken for until its first check. Default `healthy`.",
    ),
    panicPercent: optional(
      z.number().min(0).max(100),
      "When fewer of the endpoints than this are left, checks are not heeded. Default: the outlier detection's, else 50.",
    ),
  },
  (value) =>
    "path" in value || "rpc" in value
      ? (conflict(value, ["path", "rpc"]) ??
        conflict(value, ["method", "rpc"]) ??
        conflict(value, ["expectedStatuses", "rpc"]))
      : complain("missing-key", 'One of "path", "rpc" must be there'),
)

function checkTarget(target: string): Complaint | undefined {
  const end = target.indexOf("?")
  if (end >= 0 && !/^[!-"$-~]*$/.test(target.slice(end))) {
    return complain("bad-query", `${quote(target)} has a query with characters that must be percent-encoded`)
  }
  return checkPath(end < 0 ? target : target.slice(0, end))
}

function checkMethod(method: string): Complaint | undefined {
  if (!METHOD.test(method)) return complain("bad-rpc-method", `${quote(method)} is not the name of an RPC method`)
  const reserved = method.split(".").find((name) => NO_METHODS.has(name))
  return reserved === undefined
    ? undefined
    : complain("bad-rpc-method", `${quote(reserved)} is no RPC method: the runtime means something else by it`)
}
