import { describe, expect, it } from "vitest"
import { isFine, judged, type Kept, type Write } from "#test/support/kill-run.ts"

const KNOWN = { kills: 1, restartMs: [100], tookMs: 1_000 }

let moment = 0
const write = (id: string, outcome: Write["outcome"], more: Partial<Write> = {}): Write => ({
  ...{ id, expected: undefined, calledAt: moment++, digest: `digest of ${id}` },
  ...(outcome && { outcome, returnedAt: moment++ }),
  ...more,
})
const committed = (id: string, revision: number, more?: Partial<Write>) =>
  write(id, { is: "committed", revision }, more)
const kept = (revision: number, id: string, more: Partial<Kept> = {}): Kept => ({
  ...{ revision, message: id, digest: `digest of ${id}`, atMs: revision * 1_000 },
  ...more,
})

const judge = (writes: Write[], history: Kept[]) => judged({ writes, reads: [] }, history, KNOWN)

it("finds nothing where all is as it was acknowledged", () => {
  const writes = [committed("a", 1), committed("b", 2), write("c", { is: "stale", head: 2 }, { expected: 0 })]
  const result = judge(writes, [kept(1, "a"), kept(2, "b")])
  expect(isFine(result)).toBe(true)
  expect(result).toMatchObject({ acknowledged: 2, refused: 1, revisions: 2, unanswered: 0 })
})

describe("a planted fault is found", () => {
  const A = committed("a", 1)
  const B = committed("b", 2)
  it.each<[string, Write[], Kept[], object]>([
    ["an acknowledged write that is not there", [A, B], [kept(1, "a")], { lost: ["b"] }],
    ["one that has another number", [A, B], [kept(1, "b"), kept(2, "a")], { lost: ["a", "b"] }],
    ["one whose content is another", [A], [kept(1, "a", { digest: "another" })], { lost: ["a"] }],
    ["a write that acted twice", [A], [kept(1, "a"), kept(2, "a")], { repeated: ["a"] }],
    ["a number that is left out", [A, committed("b", 3)], [kept(1, "a"), kept(3, "b")], { isDense: false }],
    ["a revision that nobody asked for", [A], [kept(1, "a"), kept(2, "x")], { uncalledFor: ["x"] }],
    [
      "one that was refused, and done",
      [A, write("c", { is: "stale", head: 1 }, { expected: 0 })],
      [kept(1, "a"), kept(2, "c")],
      { uncalledFor: ["c"] },
    ],
    ["a write without an end", [A, write("c", undefined)], [kept(1, "a")], { open: 1 }],
    ["an order that cannot have been", [B, A], [kept(1, "a"), kept(2, "b")], {}],
  ])("%s", (_what, writes, history, expected) => {
    moment = 0
    const again = writes.map((one) => ({
      ...one,
      calledAt: moment++,
      ...(one.outcome && { returnedAt: moment++ }),
    }))
    const result = judge(again, history)
    expect(isFine(result)).toBe(false)
    expect(result).toMatchObject(expected)
  })
})

it("tells apart what a lost answer had done and what was done by asking again", () => {
  const done = committed("a", 1, { unansweredAtMs: 1_500 })
  const again = committed("b", 2, { unansweredAtMs: 1_500 })
  expect(judge([done, again], [kept(1, "a"), kept(2, "b")])).toMatchObject({ unanswered: 2, unansweredDone: 1 })
})
