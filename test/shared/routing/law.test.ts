import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { candidatesOf } from "#shared/routing/candidate.ts"
import { explain } from "#shared/routing/explain.ts"
import { comparePlaced } from "#shared/routing/precedence.ts"
import { RegexPool } from "#shared/routing/regex.ts"
import { compile, IMPLICIT, type Matched, match } from "#shared/routing/table.ts"
import { aHead } from "./build.ts"
import { aRandomHead, aRandomSnapshot, ENTRIES } from "./random.ts"
import { referenceMatch } from "./reference.ts"

/** Which match of which rule, by place and not by content. */
function placeOf(found: Pick<Matched, "rule" | "match"> | typeof IMPLICIT | undefined): string {
  if (found === undefined || found === IMPLICIT) return found ?? "none"
  return `${found.rule.id}#${found.rule.matches.indexOf(found.match)}`
}

describe("the compiled table", () => {
  it("gives what asking every match one after the other gives", () => {
    let compared = 0
    const seen = new Map<string, number>()
    fc.assert(
      fc.property(aRandomSnapshot, fc.array(aRandomHead, { minLength: 90, maxLength: 90 }), (snapshot, heads) => {
        const table = compile(snapshot)
        for (const text of heads) {
          const head = aHead(text)
          for (const entry of ENTRIES) {
            const [found, expected] = [match(table, entry, head), referenceMatch(snapshot, entry, head)]
            compared++
            const kind =
              found === undefined || found === IMPLICIT ? String(found) : (found.match.path?.kind ?? "no path")
            seen.set(kind, (seen.get(kind) ?? 0) + 1)
            if (placeOf(found) !== placeOf(expected)) {
              expect({ text, entry, found: placeOf(found) }).toEqual({ text, entry, found: placeOf(expected) })
            }
          }
        }
      }),
      { numRuns: 400 },
    )
    expect(compared).toBeGreaterThanOrEqual(100_000)
    // The comparison says something only if every kind of match wins often.
    for (const kind of ["undefined", IMPLICIT, "no path", "exact", "prefix", "template", "regex"]) {
      expect({ kind, often: (seen.get(kind) ?? 0) > 300 }).toEqual({ kind, often: true })
    }
  })

  it("is explained by what happens", () => {
    fc.assert(
      fc.property(aRandomSnapshot, aRandomHead, fc.constantFrom(...ENTRIES), (snapshot, text, entry) => {
        const table = compile(snapshot)
        const head = aHead(text)
        const found = match(table, entry, head)
        const told = explain(table, entry, head)
        const rule = found === undefined || found === IMPLICIT ? undefined : found.rule.id
        expect(told.winner?.rule).toBe(rule)
        expect(told.outcome).toBe(found === undefined ? "not_found" : found === IMPLICIT ? "implicit" : "matched")
        if (!rule) for (const other of told.others) expect(other.because).not.toContain("all its conditions hold")
      }),
      { numRuns: 500 },
    )
  })
})

describe("precedence", () => {
  it("is a total order: antisymmetric, transitive, and equal only for one and the same match", () => {
    fc.assert(
      fc.property(aRandomSnapshot, fc.constantFrom("specific" as const, "listed" as const), (snapshot, order) => {
        const all = candidatesOf(snapshot.routes, order, new RegexPool()).slice(0, 15)
        for (const a of all) {
          for (const b of all) {
            const ab = comparePlaced(a, b, order)
            expect(Math.sign(ab) + Math.sign(comparePlaced(b, a, order))).toBe(0)
            expect(ab === 0).toBe(a === b)
            for (const c of all)
              if (ab < 0 && comparePlaced(b, c, order) < 0) expect(comparePlaced(a, c, order)).toBeLessThan(0)
          }
        }
      }),
      { numRuns: 60 },
    )
  })
})
