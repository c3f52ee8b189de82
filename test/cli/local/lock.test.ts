import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Lock, lockState } from "#cli/local/lock.ts"

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weft-lock-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const taken = expect.objectContaining({ release: expect.any(Function) })
const inUse = expect.objectContaining({ rule: "state-in-use" })

/** Above the largest process id of any system. */
const DEAD = 2 ** 31 - 1

describe("a state folder", () => {
  it("is taken once, and again after it was given back", () => {
    const lock = lockState(join(folder, "new"))
    expect(lock).toEqual(taken)
    expect(lockState(join(folder, "new"))).toEqual(inUse)
    ;(lock as Lock).release()
    expect(lockState(join(folder, "new"))).toEqual(taken)
  })

  it.each([
    ["of a dead process", String(DEAD), taken],
    ["that is no number", "x", taken],
    ["that is empty", "", taken],
    ["of a living process", String(process.ppid), inUse],
    ["of another user's process", "1", inUse],
  ])("with a lock %s", (_, content, expected) => {
    writeFileSync(join(folder, "mesh.pid"), content)
    expect(lockState(folder)).toEqual(expected)
  })
})
