import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import { readLastHead, readLastKnown, writeLastHead, writeLastKnown } from "#shared/protocol/last-known.ts"

const KNOWN = { revision: 3, digest: "d", text: "{}" }
const written = JSON.parse(writeLastKnown(KNOWN))

describe("the last known snapshot", () => {
  it("is read as it was written", () => {
    expect(readLastKnown(writeLastKnown(KNOWN))).toEqual(KNOWN)
    expect(readLastHead(writeLastHead(KNOWN))).toEqual({ revision: 3, digest: "d" })
  })

  it.each([
    null,
    undefined,
    "",
    "null",
    "[]",
    "7",
    "{",
    JSON.stringify(KNOWN),
    JSON.stringify({ ...written, revision: 4 }),
    JSON.stringify({ ...written, digest: "e" }),
    JSON.stringify({ ...written, seal: undefined }),
    JSON.stringify({ ...KNOWN, revision: 0 }),
    JSON.stringify({ ...KNOWN, revision: 1.5 }),
    JSON.stringify({ ...KNOWN, revision: "3" }),
    JSON.stringify({ ...KNOWN, digest: undefined }),
    JSON.stringify({ ...written, text: {} }),
    JSON.stringify({ ...written, text: "x".repeat(LIMITS.snapshotBytesMax * 2) }),
  ])("is none when it says %.60s", (json) => {
    expect(readLastKnown(json)).toBeUndefined()
  })
})
