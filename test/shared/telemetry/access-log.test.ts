import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { AccessLogPolicy } from "#shared/model/route.ts"
import { isLogged, logLine } from "#shared/telemetry/access-log.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"

const RECORD = { method: "GET", path: "/", status: 200, trace: { traceId: "a".repeat(32) } } as unknown as AccessRecord
const ALL: AccessLogPolicy = { percent: 100, failures: true }
/** Controls, line ends, and what turns the direction of text. */
function isObeyed(char: string): boolean {
  const code = char.codePointAt(0)!
  const within = (from: number, to: number) => code >= from && code <= to
  return within(0, 0x1f) || within(0x7f, 0x9f) || within(0x2028, 0x202e) || within(0x2066, 0x2069)
}
const never = () => {
  throw new Error("no dice were to be thrown")
}

describe("an exchange is in the access log", () => {
  const fine = { status: 200, refusal: undefined }
  it.each<[string, AccessLogPolicy, { status: number; refusal: string | undefined }, number, boolean]>([
    ["always, at 100 %", ALL, fine, 1, true],
    ["never, at 0 %", { percent: 0, failures: false }, { status: 500, refusal: "internal" }, 1, false],
    [
      "when it failed, whatever the share",
      { percent: 0, failures: true },
      { status: 502, refusal: undefined },
      1,
      true,
    ],
    ["when it was refused", { percent: 0, failures: true }, { status: 403, refusal: "forbidden" }, 1, true],
    ["not for an error of its sender", { percent: 0, failures: true }, { status: 404, refusal: undefined }, 1, false],
    ["when it was slow", { percent: 0, failures: false, slowerThanMs: 50 }, fine, 50, true],
    ["not when it was fast", { percent: 0, failures: false, slowerThanMs: 50 }, fine, 49, false],
  ])("%s", (_when, policy, answer, durationMs, expected) => {
    expect(isLogged(policy, answer, durationMs, never)).toBe(expected)
  })

  it("by its share", () => {
    const policy = { percent: 25, failures: true }
    expect([0.2499, 0.25].map((dice) => isLogged(policy, fine, 1, () => dice))).toEqual([true, false])
  })
})

describe("a line of the access log", () => {
  it("has the headers that its rule asks for, without secrets", () => {
    const headers = new Headers({ "user-agent": "curl", "x-api-key": "secret", cookie: "a=secret" })
    const policy = { ...ALL, headers: ["user-agent", "x-api-key", "cookie", "x-none"] }
    const line = logLine(RECORD, policy, headers)
    expect(JSON.parse(line).headers).toEqual({ "user-agent": "curl", "x-api-key": "(secret)", cookie: "(secret)" })
    expect(line).not.toContain("a=secret")
    expect(JSON.parse(logLine(RECORD, ALL, headers)).headers).toBeUndefined()
  })

  it("is one line that nothing obeys, and reads as what was asked, whatever that is", () => {
    const nasty = fc.string({ unit: "binary", maxLength: 300 })
    fc.assert(
      fc.property(nasty, nasty, nasty, (method, path, value) => {
        const line = logLine({ ...RECORD, method, path }, { ...ALL, headers: ["x"] }, { get: () => value })
        expect([...line].filter(isObeyed)).toEqual([])
        expect(JSON.parse(line)).toMatchObject({ method, path, headers: { x: value } })
      }),
    )
  })

  it("cannot be made to look like two", () => {
    const path = '/x"}\n{"status":200,"path":"/fake'
    const line = logLine({ ...RECORD, path }, ALL, undefined)
    expect(line.split("\n")).toHaveLength(1)
    expect(JSON.parse(line).path).toBe(path)
  })
})
