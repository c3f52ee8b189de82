import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { readLastKnown } from "#shared/protocol/last-known.ts"

const KNOWN = { revision: 3, digest: "d", text: "{}" }

describe("the last known snapshot", () => {
  it("is read as it was written", () => {
    expect(readLastKnown(JSON.stringify(KNOWN))).toEqual(KNOWN)
  })

  it.each([
    null,
    undefined,
    "",
    "null",
    "[]",
    "7",
    "{",
    JSON.stringify({ ...KNOWN, revision: 0 }),
    JSON.stringify({ ...KNOWN, revision: 1.5 }),
    JSON.stringify({ ...KNOWN, revision: "3" }),
    JSON.stringify({ ...KNOWN, digest: undefined }),
    JSON.stringify({ ...KNOWN, text: {} }),
    JSON.stringify({ ...KNOWN, text: "x".repeat(LIMITS.snapshotBytesMax * 2) }),
  ])("is none when it says %.40s", (json) => {
    expect(readLastKnown(json)).toBeUndefined()
  })
})
