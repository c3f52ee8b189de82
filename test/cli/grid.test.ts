import { styleText } from "node:util"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Column, cut, grid, widthOf } from "#cli/grid.ts"

const COLUMNS: readonly Column[] = [
  { title: "NAME", shrinks: true },
  { title: "RPS", align: "right" },
  { title: "P50", align: "right", leaveOut: 1 },
  { title: "NOTE", leaveOut: 2 },
]
const ROWS = [
  ["a-service-with-a-name", "1.5", "12ms", "fine"],
  ["b", "1234", "-", ""],
]

describe("a table", () => {
  it("has numbers on the right and nothing behind the last column", () => {
    expect(grid(COLUMNS, ROWS, Number.POSITIVE_INFINITY)).toBe(
      [
        "NAME                    RPS   P50  NOTE",
        "a-service-with-a-name   1.5  12ms  fine",
        "b                      1234     -",
        "",
      ].join("\n"),
    )
  })

  it("cuts what may be cut before it leaves anything out, and then that which matters least", () => {
    expect(grid(COLUMNS, ROWS, 30).split("\n")[1]).toBe("a-service-w…   1.5  12ms  fine")
    expect(grid(COLUMNS, ROWS, 20).split("\n").slice(0, 2)).toEqual(["NAME       RPS   P50", "a-servi…   1.5  12ms"])
    expect(grid(COLUMNS, ROWS, 14).split("\n")[1]).toBe("a-servi…   1.5")
  })

  it("is never wider than its screen, as long as the least of it has room", () => {
    const cell = fc.string({ maxLength: 30 }).map((text) => text.replaceAll(/[^\x21-\x7e]/g, "x"))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell, cell), { maxLength: 8 }),
        fc.integer({ min: 45, max: 120 }),
        (rows, width) => {
          for (const line of grid(COLUMNS, rows, width).split("\n")) expect(widthOf(line)).toBeLessThanOrEqual(width)
        },
      ),
    )
  })

  it("counts colors for nothing", () => {
    const red = styleText("red", "5.00%", { validateStream: false })
    expect(
      grid(
        [{ title: "A", align: "right" }, { title: "B" }],
        [
          [red, "x"],
          ["100.00%", "y"],
        ],
        80,
      ).split("\n")[1],
    ).toBe(`  ${red}  x`)
    expect(cut(red, 5)).toBe(red)
    expect(cut(red, 3)).toBe("5.…")
  })
})
