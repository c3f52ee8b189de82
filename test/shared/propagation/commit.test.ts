import { describe, expect, it } from "vitest"
import { decideCommit } from "#shared/propagation/commit.ts"

describe("a commit", () => {
  it.each([
    ["made from the head is the next revision", 4, 4, undefined, { outcome: "commit", revision: 5 }],
    ["made from nothing is the first", 0, 0, undefined, { outcome: "commit", revision: 1 }],
    ["made from an older head is stale", 4, 3, undefined, { outcome: "stale", head: 4 }],
    ["made from a head that is not there is stale", 4, 5, undefined, { outcome: "stale", head: 4 }],
    ["whose key has made one is that one, whatever the head", 4, 4, 2, { outcome: "repeated", revision: 2 }],
    [
      "whose key has made the head, and was made from the one before, is that",
      4,
      3,
      4,
      { outcome: "repeated", revision: 4 },
    ],
  ] as const)("%s", (_what, head, expected, earlier, decision) => {
    expect(decideCommit(head, expected, earlier)).toEqual(decision)
  })
})
