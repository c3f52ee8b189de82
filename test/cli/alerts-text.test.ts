import { describe, expect, it } from "vitest"
import { alertsText, silenceText } from "#cli/alerts-text.ts"
import type { AlertList, SloStatus } from "#shared/protocol/alerts.ts"
import { BURN_WINDOWS } from "#shared/telemetry/burn-rate.ts"
import { type RunOptions, weft } from "#test/support/cli.ts"
import { fakeNowMs as NOW_MS, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

const plain = (_style: string, text: string) => text

function slo(id: string, rates: readonly number[], more: Partial<SloStatus> = {}, phase = "inactive"): SloStatus {
  const burn = BURN_WINDOWS.map(({ severity, ...window }, index) => {
    const rate = rates[index] ?? 0
    return { severity, ...window, long: rate, short: rate, holds: rate >= window.factor }
  })
  const alerts = (["page", "ticket"] as const).map((severity) => ({
    severity,
    phase: (severity === "page" ? phase : "inactive") as "inactive",
    ...(phase !== "inactive" && severity === "page" && { sinceMs: NOW_MS - 180_000 }),
    burn: burn.filter((one) => one.severity === severity),
  }))
  return {
    ...{
      id,
      of: { kind: "service", id: "default/orders" },
      target: 0.999,
      total: 100,
      bad: 1,
      budgetLeft: 1,
      notify: [],
      alerts,
    },
    ...more,
  }
}

const LIST: AlertList = {
  slos: [
    slo("default/a-fine", [0.2], { withinMs: 250, target: 0.95, budgetLeft: 0.8129 }),
    slo("team-a/b-burning", [31.24, 6.1, 1.5, 0.5], { budgetLeft: -2.05 }, "firing"),
    slo("default/c-new", [], { total: 0 }),
  ],
  silences: [
    {
      id: "3f0c9a1e",
      namespace: "default",
      slo: "a-fine",
      by: "ann",
      reason: "moving",
      createdAtMs: 0,
      untilMs: NOW_MS + 60_000,
    },
  ],
  receivers: [{ id: "default/oncall", waiting: 2, sinceMs: NOW_MS - 60_000, because: "it answered 503" }],
  judgedMs: NOW_MS,
  missing: [],
}

describe("weft alerts", () => {
  it("shows what burns first, and what is in the way of those who should hear", () => {
    expect(alertsText(LIST, NOW_MS, plain)).toBe(
      `OBJECTIVE         OF              PROMISED      BUDGET LEFT  1H     6H    1D    3D    ALERTS
team-a/b-burning  service orders  99.9%         -205.0%      31.2x  6.1x  1.5x  0.5x  page firing for 3m
a-fine            service orders  95% in 250ms  81.2%        0.2x   0.0x  0.0x  0.0x  none
c-new             service orders  99.9%         -            0.0x   0.0x  0.0x  0.0x  none

silence 3f0c9a1e of a-fine, ends in 1m, by ann: moving

RECEIVER  WAITING  SINCE   BECAUSE
oncall    2        1m ago  it answered 503
`,
    )
  })

  it("says how wide a silence is", () => {
    const silence = { id: "1", by: "ann", reason: "", createdAtMs: 0, untilMs: NOW_MS + 1 }
    expect(silenceText(silence, NOW_MS)).toBe("silence 1 of the whole mesh, ends in 1s, by ann")
    expect(silenceText({ ...silence, namespace: "team-a" }, NOW_MS)).toContain("of all of team-a,")
  })

  it("talks to control, under options of its own", async () => {
    const control = await startFakeControl()
    const run = (argv: string[], options: RunOptions = {}) =>
      weft(["alerts", ...argv, "--url", control.url], { ...options, env: { WEFT_TOKEN: TOKEN } })
    expect((await run([])).out).toContain("no objectives")
    expect((await run(["silence"])).exit).toBe(2)
    expect((await run(["silence", "a", "--all"])).exit).toBe(2)
    await run(["silence", "team-a/up", "--for", "2h", "-m", "moving"])
    await run(["silence", "--all", "-n", "team-a"])
    await run(["ack", "up", "--severity", "page"])
    await run(["unsilence", "3f0c9a1e"])
    await control.stop()
    expect(control.requests.slice(1).map(({ method, path, body }) => [method, path, body])).toEqual([
      ["POST", "/v1/alerts/silences", { namespace: "team-a", slo: "up", forSeconds: 7_200, reason: "moving" }],
      ["POST", "/v1/alerts/silences", { namespace: "team-a", forSeconds: 3_600 }],
      ["POST", "/v1/alerts/acknowledge", { namespace: "default", slo: "up", severity: "page", forSeconds: 14_400 }],
      ["DELETE", "/v1/alerts/silences/3f0c9a1e", undefined],
    ])
  })
})
