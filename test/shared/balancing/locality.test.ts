import { describe, expect, it } from "vitest"
import { preferLocal } from "#shared/balancing/locality.ts"

const isLocal = (member: number) => member < 5
const all = [0, 1, 2, 3, 4, 5, 6]

describe("locality", () => {
  it("keeps requests in the own region while it is well", () => {
    for (const dice of [0, 0.5, 0.999]) expect(preferLocal(all, 5, isLocal, dice)).toEqual([0, 1, 2, 3, 4])
  })

  it("bears the loss of some of its members without spilling", () => {
    expect(preferLocal([0, 1, 2, 3, 5, 6], 5, isLocal, 0.999)).toEqual([0, 1, 2, 3])
  })

  it("spills to other regions what its members cannot take", () => {
    const left = [0, 1, 5, 6]
    expect(preferLocal(left, 5, isLocal, 0.55)).toEqual([0, 1])
    expect(preferLocal(left, 5, isLocal, 0.57)).toEqual([5, 6])
  })

  it.each([
    ["fails over when none is left", [5, 6], 5, [5, 6]],
    ["stays when the others are gone", [0], 5, [0]],
    ["has no say where no member is of the own region", all, 0, all],
  ] as const)("%s", (_what, candidates, localTotal, expected) => {
    expect(preferLocal(candidates, localTotal, localTotal === 0 ? () => false : isLocal, 0.99)).toEqual(expected)
  })
})
