import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { HEAD, type Head, type HeadOp } from "#test/support/head-register.ts"
import { type Operation, violationOf } from "#test/support/linearizable.ts"

const read = (revision: number, by: string): HeadOp => ({ kind: "read", saw: { revision, by } })
const write = (by: string, revision: number, expected?: number): HeadOp => ({
  ...{ kind: "write", by, outcome: { is: "committed", revision } },
  ...(expected !== undefined && { expected }),
})
const stale = (by: string, expected: number, head: number): HeadOp => ({
  ...{ kind: "write", by, expected, outcome: { is: "stale", head } },
})
const unknown = (by: string, expected?: number): HeadOp => ({
  ...{ kind: "write", by, ...(expected !== undefined && { expected }) },
})

/** `[called, returned, what]`; without a return no answer ever came. */
type Line = readonly [calledAt: number, returnedAt: number | undefined, op: HeadOp]
const historyOf = (lines: readonly Line[]): Operation<HeadOp>[] =>
  lines.map(([calledAt, returnedAt, op]) => ({ op, calledAt, ...(returnedAt !== undefined && { returnedAt }) }))

describe("a history that could have been", () => {
  it.each<[string, Line[]]>([
    ["nothing", []],
    [
      "one after the other",
      [
        [1, 2, write("a", 1)],
        [3, 4, read(1, "a")],
        [5, 6, write("b", 2, 1)],
      ],
    ],
    [
      "a read beside a write sees what was before",
      [
        [1, 4, write("a", 1)],
        [2, 3, read(0, "")],
      ],
    ],
    [
      "a read beside a write sees what it wrote",
      [
        [1, 4, write("a", 1)],
        [2, 3, read(1, "a")],
      ],
    ],
    [
      "two at once, in either order",
      [
        [1, 4, write("a", 2)],
        [2, 3, write("b", 1)],
      ],
    ],
    [
      "of two who expect the same, one is too late",
      [
        [1, 4, write("a", 1, 0)],
        [2, 3, stale("b", 0, 1)],
      ],
    ],
    [
      "without an answer and done",
      [
        [1, undefined, unknown("a")],
        [2, 3, read(1, "a")],
      ],
    ],
    [
      "without an answer and not done",
      [
        [1, undefined, unknown("a")],
        [2, 3, read(0, "")],
        [4, 5, write("b", 1)],
      ],
    ],
    [
      "without an answer, done long after",
      [
        [1, undefined, unknown("a")],
        [2, 3, write("b", 1)],
        [4, 5, read(2, "a")],
      ],
    ],
    [
      "without an answer, and too late",
      [
        [1, undefined, unknown("a", 0)],
        [2, 3, write("b", 1)],
        [4, 5, read(1, "b")],
      ],
    ],
  ])("%s", (_what, lines) => expect(violationOf(historyOf(lines), HEAD)).toBeUndefined())
})

describe("a planted violation", () => {
  it.each<[string, number, Line[]]>([
    [
      "an acknowledged write is lost",
      1,
      [
        [1, 2, write("a", 1)],
        [3, 4, read(0, "")],
      ],
    ],
    [
      "a lost write's number is given again",
      1,
      [
        [1, 2, write("a", 1)],
        [3, 4, write("b", 1)],
      ],
    ],
    [
      "a read goes back",
      2,
      [
        [1, 8, write("a", 1)],
        [2, 3, read(1, "a")],
        [4, 5, read(0, "")],
      ],
    ],
    [
      "a number is left out",
      1,
      [
        [1, 2, write("a", 1)],
        [3, 4, write("b", 3)],
      ],
    ],
    [
      "a write acts twice",
      1,
      [
        [1, 2, write("a", 1)],
        [3, 4, read(2, "a")],
      ],
    ],
    [
      "a write without an answer acts twice",
      2,
      [
        [1, undefined, unknown("a")],
        [2, 3, read(1, "a")],
        [4, 5, read(2, "a")],
      ],
    ],
    [
      "two who expect the same both get it",
      0,
      [
        [1, 4, write("a", 2, 0)],
        [2, 3, write("b", 1, 0)],
      ],
    ],
    [
      "a refusal without a reason",
      0,
      [
        [1, 2, stale("a", 0, 1)],
        [3, 4, write("b", 1)],
      ],
    ],
    [
      "a refusal that names a head which was not",
      1,
      [
        [1, 2, write("a", 1)],
        [3, 4, stale("b", 0, 2)],
      ],
    ],
    [
      "something that nobody wrote",
      1,
      [
        [1, 2, write("a", 1)],
        [3, 4, read(1, "b")],
      ],
    ],
    [
      "refused, and done all the same",
      2,
      [
        [1, 2, write("a", 1)],
        [3, 4, stale("b", 0, 1)],
        [5, 6, read(2, "b")],
      ],
    ],
    [
      "done before it was asked for",
      0,
      [
        [1, 2, read(1, "a")],
        [3, 4, write("a", 1)],
      ],
    ],
  ])("is found: %s", (_what, at, lines) => {
    const history = historyOf(lines)
    expect(violationOf(history, HEAD)?.operation).toBe(history[at])
  })
})

/** All orders that time allows, one by one. */
function explained(left: readonly Operation<HeadOp>[], head: Head): boolean {
  if (left.every(({ returnedAt }) => returnedAt === undefined)) return true
  const firstReturn = Math.min(...left.map(({ returnedAt }) => returnedAt ?? Number.POSITIVE_INFINITY))
  return left.some((operation) => {
    if (operation.calledAt > firstReturn) return false
    const next = HEAD.step(head, operation.op)
    return (
      next !== undefined &&
      explained(
        left.filter((other) => other !== operation),
        next,
      )
    )
  })
}

const OP: fc.Arbitrary<HeadOp> = fc.oneof(
  fc.tuple(fc.nat(3), fc.constantFrom("", "a", "b", "c")).map(([revision, by]) => read(revision, by)),
  fc
    .tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 1, max: 3 }), fc.option(fc.nat(2), { nil: undefined }))
    .map(([by, revision, expected]) => write(by, revision, expected)),
  fc.tuple(fc.constantFrom("a", "b"), fc.nat(2), fc.nat(3)).map(([by, expected, head]) => stale(by, expected, head)),
  fc.constantFrom("a", "b", "c").map((by) => unknown(by)),
)

/** Up to six operations whose calls and returns lie anyhow. */
const HISTORY = fc.array(fc.tuple(OP, fc.nat(1_000), fc.nat(300)), { maxLength: 6 }).map((drawn) => {
  const times = drawn.flatMap(
    ([, at, length], index) =>
      [
        [at, index, 0],
        [at + length, index, 1],
      ] as const,
  )
  const order = [...times].sort((a, b) => a[0] - b[0] || a[2] - b[2] || a[1] - b[1])
  const momentOf = (index: number, end: number) => order.findIndex(([, i, e]) => i === index && e === end)
  return historyOf(
    drawn.map(([op], index) => {
      const isAnswered = op.kind === "read" || op.outcome !== undefined
      return [momentOf(index, 0), isAnswered ? momentOf(index, 1) : undefined, op] as const
    }),
  )
})

it("says of any small history what trying all orders says", () => {
  let fine = 0
  fc.assert(
    fc.property(HISTORY, (history) => {
      const isFine = violationOf(history, HEAD) === undefined
      fine += isFine ? 1 : 0
      expect(isFine).toBe(explained(history, HEAD.initial))
    }),
    { numRuns: 3_000 },
  )
  // Both kinds were among them.
  expect(fine).toBeGreaterThan(100)
  expect(fine).toBeLessThan(2_900)
})

it("takes a long history in a moment", () => {
  const lines = Array.from({ length: 5_000 }, (_, n): Line[] => [
    [n * 10, n * 10 + 5, write(`w${n}`, n + 1)],
    [n * 10 + 1, n * 10 + 6, read(n + 1, `w${n}`)],
    [n * 10 + 2, n * 10 + 7, read(n + 1, `w${n}`)],
    [n * 10 + 3, n * 10 + 8, stale(`s${n}`, 0, n + 1)],
  ]).flat()
  expect(violationOf(historyOf(lines), HEAD)).toBeUndefined()
})
