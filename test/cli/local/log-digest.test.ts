import { describe, expect, it } from "vitest"
import { FORGET_MS, KINDS_MAX, LogDigest } from "#cli/local/log-digest.ts"
import type { LogLine } from "#cli/local/logs.ts"

const STACK = "\n    at charge (index.js:3:1)\n    at async fetch (index.js:9:1)"
const line = (message: string, worker = "orders", level = "error"): LogLine => ({
  ...{ worker, level, message, atMs: 0 },
})
const taken = (digest: LogDigest, message: string, atMs = 0, worker = "orders") =>
  digest.take(line(message, worker), atMs)?.message
const again = (digest: LogDigest, atMs = 0) => digest.again(atMs).map(({ worker, message }) => `${worker} ${message}`)

describe("the digest of a log", () => {
  it.each([
    ["log", "placed"],
    ["error", "payments answered 503"],
    ["info", "{\n  a: 1,\n  b: 2\n}"],
    ["debug", ""],
  ])("shows what a Worker logs as %s each time, whole", (level, message) => {
    const digest = new LogDigest({ stacks: false })
    for (let time = 0; time < 3; time++) {
      expect(digest.take(line(message, "orders", level), 0)).toEqual({ message, isFirst: false })
    }
    expect(again(digest)).toEqual([])
  })

  it("shows a failure once in one line, counts the others, and says how many", () => {
    const digest = new LogDigest({ stacks: false })
    expect(taken(digest, `not charged: Error: 503${STACK}`)).toBe("not charged: Error: 503")
    expect(taken(digest, `not charged: Error: 503${STACK}`)).toBeUndefined()
    expect(taken(digest, `not charged: Error: 503${STACK}`)).toBeUndefined()
    expect(again(digest)).toEqual(["orders not charged: Error: 503 (2 more)"])
    expect(again(digest)).toEqual([])
  })

  it("shows what the runtime has to say once", () => {
    const digest = new LogDigest({ stacks: true })
    const warning = { ...line("An RPC result was not disposed properly."), worker: undefined }
    expect([digest.take(warning, 0)?.message, digest.take(warning, 0)?.message]).toEqual([warning.message, undefined])
    expect(again(digest)).toEqual(["undefined An RPC result was not disposed properly. (1 more)"])
  })

  it("shows the first with its stack where the code is one's own", () => {
    const digest = new LogDigest({ stacks: true })
    expect(taken(digest, `Error: x${STACK}`)).toBe(`Error: x${STACK}`)
    expect(taken(digest, `Error: deep${"\n    at f (a.js:1:1)".repeat(50)}`)!.split("\n")).toHaveLength(21)
    expect(taken(digest, `Error: x${STACK}`)).toBeUndefined()
  })

  it.each([
    ["ids and numbers", "order 4be1c0a2 not charged", "order 97d00f13 not charged", 1],
    ["places", `Error: x\n    at a (1)`, `Error: x\n    at b (2)`, 1],
    ["words", "Error: no money", "Error: no goods", 2],
  ])("takes failures that differ in %s for so many kinds", (_, one, other, kinds) => {
    const digest = new LogDigest({ stacks: false })
    const shown = [one, other].map((message) => taken(digest, message.includes("\n") ? message : message + STACK))
    expect(shown.filter((message) => message !== undefined)).toHaveLength(kinds)
  })

  it("takes the same failure of two Workers for two kinds", () => {
    const digest = new LogDigest({ stacks: false })
    expect(taken(digest, `Error${STACK}`, 0, "orders")).toBe("Error")
    expect(taken(digest, `Error${STACK}`, 0, "catalog")).toBe("Error")
  })

  it("shows a failure again that was gone for a while, and not before", () => {
    const digest = new LogDigest({ stacks: false })
    taken(digest, `Error${STACK}`, 0)
    expect(again(digest, FORGET_MS - 1)).toEqual([])
    expect(taken(digest, `Error${STACK}`, FORGET_MS - 1)).toBeUndefined()
    again(digest, 2 * FORGET_MS - 2)
    expect(taken(digest, `Error${STACK}`, 2 * FORGET_MS - 2)).toBeUndefined()
    again(digest, 3 * FORGET_MS)
    expect(taken(digest, `Error${STACK}`, 3 * FORGET_MS)).toBe("Error")
  })

  it("holds so many kinds and counts the rest together", () => {
    const digest = new LogDigest({ stacks: false })
    const letters = (index: number) => [...String(index)].map((digit) => "ghijklmnop"[Number(digit)]).join("")
    const shown = Array.from({ length: KINDS_MAX + 50 }, (_, index) =>
      taken(digest, `Error: ${letters(index)}${STACK}`),
    )
    expect(shown.filter((message) => message !== undefined)).toHaveLength(KINDS_MAX)
    expect(again(digest)).toEqual(["undefined other failures (50 more)"])
  })

  it("is not held up by what a Worker prints", () => {
    const digest = new LogDigest({ stacks: false })
    for (const part of ["\n", "\n ", " ", "a1-", "at "]) {
      const message = part.repeat(200_000)
      expect(taken(digest, message)).toBe(message)
    }
  })

  it("keeps a line short, however long the message", () => {
    const digest = new LogDigest({ stacks: false })
    expect(taken(digest, `Error: ${"a".repeat(100_000)}${STACK}`)!.length).toBeLessThan(400)
  })
})
