/** The shape of objectives and receivers in documents. */
import * as z from "zod"
import type * as D from "#shared/model/alerting-document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { SECRET } from "#shared/std/secret.ts"
import * as check from "./checks.ts"
import { type Complaint, complain } from "./complaint.ts"
import { checkPath } from "./path-syntax.ts"
import { conflict, list, object, optional, text, whole } from "./schema-kit.ts"
import { checkUrl } from "./url.ts"

const TARGET_MIN = 50
/** Above, one request in 100,000 is the whole budget. */
const TARGET_MAX = 99.999

const name = text(check.checkName, { pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" })
const duration = (leastMs: number, mostMs: number, why: string) =>
  text(check.checkDuration(leastMs, mostMs, why), {
    pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
    examples: ["250ms", "1m"],
  })

export const slo = object<D.SloDocument>(
  "ServiceLevelObjective",
  {
    service: optional(name, "A service of the same namespace. Exactly one of `service` and `route`."),
    route: optional(name, "A route of the same namespace: all requests that its rules take."),
    target: z
      .number()
      .min(TARGET_MIN)
      .max(TARGET_MAX)
      .meta({ description: "Percent of the requests of 30 days that have to go well: 99.9." }),
    latency: optional(
      duration(1, LIMITS.timeoutMsMax, "leave it out to promise availability"),
      "The answer's head comes within this time, of requests that were not answered with 5xx. Absent: availability.",
    ),
    for: optional(
      duration(0, LIMITS.alertForMsMax, "0s is at once"),
      "How long a burn rate must be too high before the alert fires. Default `1m`.",
    ),
    minFailures: optional(
      whole(1, LIMITS.minFailuresMax),
      "Fewer bad requests in the longer window are no alert. Default 5.",
    ),
    notify: optional(
      list(text(check.checkReference), { min: 1, max: LIMITS.notifyMax }),
      "Receivers of the same namespace or of `default`. Absent: the log only.",
    ),
  },
  (value) =>
    "service" in value || "route" in value
      ? conflict(value, ["service", "route"])
      : complain("missing-key", 'One of "service", "route" must be there'),
)

const webhook = object<D.WebhookDocument>(
  "Webhook",
  {
    url: optional(
      text(checkUrl, { examples: ["https://alerts.example.com/weft"] }),
      "Takes a POST with Alertmanager's JSON, signed as Standard Webhooks says. Exactly one of `url` and `service`.",
    ),
    service: optional(
      name,
      "A service of the same namespace, which is sent the same through the mesh, by the caller `weft/alerts`.",
    ),
    path: optional(text(checkPath, { examples: ["/alerts"] }), "Of requests to `service`. Default `/`."),
    secret: text(checkSecret).meta({
      description: "Signs with HMAC-SHA256. Write-only. `whsec_` and base64, or any text of 24 characters or more.",
    }),
  },
  (value) => {
    if (!("url" in value || "service" in value)) {
      return complain("missing-key", 'One of "url", "service" must be there')
    }
    return conflict(value, ["url", "service"]) ?? conflict(value, ["url", "path"])
  },
)

export const receiver = object<D.ReceiverDocument>("Receiver", { webhook })

/** No message repeats it. */
function checkSecret(written: string): Complaint | undefined {
  // Whether there is one to be kept shows later.
  if (written === SECRET) return undefined
  const { webhookSecretCharsMin: min, webhookSecretCharsMax: max } = LIMITS
  if (written.length < min || written.length > max || !/^[!-~]+$/.test(written)) {
    const message = `A secret must be ${min} to ${max} printable ASCII characters without spaces`
    return complain("bad-secret", message, "`openssl rand -base64 32` makes a good one")
  }
  if (
    written.startsWith("whsec_") &&
    !/^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/.test(written.slice(6))
  ) {
    return complain("bad-secret", 'What follows "whsec_" must be base64')
  }
  return undefined
}
