import { createHmac } from "node:crypto"
import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { notificationBody, retryAfterMs, secretBytes, signedText } from "#shared/telemetry/notification.ts"

describe("a notification", () => {
  it("is signed as Standard Webhooks says, with the specification's own example", () => {
    const secret = secretBytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    const text = signedText("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}')
    expect(createHmac("sha256", secret).update(text).digest("base64")).toBe(
      "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    )
  })

  it("takes any other text for itself", () => {
    expect(new TextDecoder().decode(secretBytes("not base64, but long"))).toBe("not base64, but long")
  })

  it("is what Alertmanager would send", () => {
    const of = { kind: "service", id: "default/orders" } as const
    const told = {
      receiver: "default/oncall",
      slo: "default/up",
      severity: "page",
      summary: "s",
      description: "d",
    } as const
    const body = JSON.parse(notificationBody({ ...told, of, status: "resolved", startsAtMs: 0, endsAtMs: 60_000 }))
    expect(body).toEqual({
      version: "4",
      groupKey: "default/up/page",
      truncatedAlerts: 0,
      status: "resolved",
      receiver: "default/oncall",
      groupLabels: { alertname: "up", severity: "page" },
      commonLabels: { alertname: "up", namespace: "default", severity: "page", service: "default/orders" },
      commonAnnotations: { summary: "s", description: "d" },
      externalURL: "",
      alerts: [
        {
          status: "resolved",
          labels: { alertname: "up", namespace: "default", severity: "page", service: "default/orders" },
          annotations: { summary: "s", description: "d" },
          startsAt: "1970-01-01T00:00:00.000Z",
          endsAt: "1970-01-01T00:01:00.000Z",
          generatorURL: "",
          fingerprint: "default/up/page",
        },
      ],
    })
  })

  it("is tried again after longer and longer, up to a bound, not all at the same time", () => {
    const middle = [1, 2, 3, 4].map((failures) => retryAfterMs(failures, 0.5))
    expect(middle).toEqual([5_000, 10_000, 20_000, 40_000])
    expect(retryAfterMs(50, 0.5)).toBe(LIMITS.webhookRetryMsMax)
    expect([retryAfterMs(1, 0), retryAfterMs(1, 1)]).toEqual([3_750, 6_250])
  })
})
