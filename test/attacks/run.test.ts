/** The attack runner as people start it, on cases of our own. */
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { main } from "#attacks/run.ts"

const FIXTURES = join(import.meta.dirname, "fixtures")

async function attacks(...args: readonly string[]): Promise<{ exit: number; out: string; last: string }> {
  let out = ""
  const exit = await main(args, (text) => {
    out += text
  })
  return { exit, out, last: out.trimEnd().split("\n").at(-1) ?? "" }
}

describe("attacks", () => {
  it("find nothing, and say what cannot end as the file wants", async () => {
    const { exit, out, last } = await attacks(join(FIXTURES, "own.json"))
    expect(last, out).toBe("18 passed, 1 argued, 0 failed, 0 not understood")
    expect(out).toContain("as in the Gateway API")
    expect(exit).toBe(0)
  })

  it("are judged by status, by what the upstream received, and by what is asserted; what nobody understands is a failure", async () => {
    const { exit, out, last } = await attacks(join(FIXTURES, "wrong.json"))
    expect(last, out).toBe("0 passed, 0 argued, 6 failed, 6 not understood")
    expect(exit).toBe(1)
    for (const reason of [
      "by url: status 200 instead of 400",
      'by binding: upstream received "/x"',
      'by binding: received x-plan: "free"',
      'by url: received x-custom: "1"',
      "by binding: the origin is allowed: https://app.example",
      "by url: 1 requests reached the upstream instead of 2",
      "setup: the phase of the moon is full",
      "upstream: is amused",
      "assert: the moon is full",
      'assert: nothing here measures "over 7 GiB"',
      "setup: DENY if moonlight == full",
    ]) {
      expect(out).toContain(reason)
    }
  })

  it("run only what is asked for, and say what cannot be read", async () => {
    expect(await attacks()).toMatchObject({ exit: 2 })
    expect(await attacks(join(FIXTURES, "nothing.json"))).toMatchObject({ exit: 2 })
    expect(await attacks(join(FIXTURES, "own.json"), "--only", "moon")).toMatchObject({ exit: 2, last: "0 cases" })
  })
})
