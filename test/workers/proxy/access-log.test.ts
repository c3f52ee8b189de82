import { describe, expect, it } from "vitest"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import { AccessLog } from "#workers/proxy/access-log.ts"

const mesh = { roll: () => 0.5 }
const OK = { status: 200 }

describe("the access log", () => {
  it("has everything where it is on, and of a rule what the rule says", () => {
    const on = new AccessLog(true, () => {})
    expect(on.policyFor(undefined, OK, 200, 1, mesh)).toBeDefined()
    expect(on.policyFor({ percent: 0, failures: true }, OK, 200, 1, mesh)).toBeUndefined()
  })

  it("has nothing where it is off, but for rules that want it", () => {
    const off = new AccessLog(false, () => {})
    expect(off.policyFor(undefined, OK, 500, 1, mesh)).toBeUndefined()
    expect(off.policyFor({ percent: 51, failures: false }, OK, 200, 1, mesh)).toBeDefined()
    expect(off.policyFor({ percent: 50, failures: false }, OK, 200, 1, mesh)).toBeUndefined()
    expect(off.policyFor({ percent: 0, failures: true }, { refusal: "forbidden" }, 403, 1, mesh)).toBeDefined()
  })

  it("writes a line", () => {
    const lines: string[] = []
    const log = new AccessLog(true, (line) => void lines.push(line))
    log.write(
      { method: "GET" } as AccessRecord,
      { percent: 100, failures: true, headers: ["x"] },
      {
        method: "GET",
        headers: new Headers({ x: "1" }),
      },
    )
    expect(lines).toEqual(['{"method":"GET","headers":{"x":"1"}}'])
  })
})
