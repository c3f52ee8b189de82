import { describe, expect, it } from "vitest"
import type { ValueMatch, ValueTest } from "#shared/model/route.ts"
import { conditionsOf, firstFailing } from "#shared/routing/condition.ts"
import { Reader } from "#shared/routing/head.ts"
import { RegexPool } from "#shared/routing/regex.ts"
import { aHead, aMatch, aTest, type HeadText, type MatchText } from "./build.ts"

/** What stops the request: the kind of the first condition that fails, or nothing. */
const stoppedBy = (match: MatchText, head: HeadText) =>
  firstFailing(conditionsOf(aMatch(match), new RegexPool()), new Reader(aHead(head)))?.on

/** For each test: the values it takes of absent, "", "1", "12", "21". */
const TABLE: readonly (readonly [ValueTest, string])[] = [
  [{ kind: "exact", value: "1" }, "- - 1 - -"],
  [{ kind: "exact", value: "" }, "- e - - -"],
  [{ kind: "prefix", value: "1" }, "- - 1 12 -"],
  [{ kind: "prefix", value: "" }, "- e 1 12 21"],
  [{ kind: "suffix", value: "1" }, "- - 1 - 21"],
  [{ kind: "contains", value: "2" }, "- - - 12 21"],
  [{ kind: "regex", value: "1.?" }, "- - 1 12 -"],
  [{ kind: "regex", value: ".*" }, "- e 1 12 21"],
  [{ kind: "present" }, "- e 1 12 21"],
  [{ kind: "absent" }, "a - - - -"],
]
const VALUES = [undefined, "", "1", "12", "21"] as const
const LETTERS = ["a", "e", "1", "12", "21"]

describe("a named value", () => {
  const sources: readonly (readonly ["headers" | "query" | "cookies", (value: string | undefined) => HeadText])[] = [
    ["headers", (value) => (value === undefined ? {} : { headers: { x: value } })],
    ["query", (value) => (value === undefined ? { query: "y=1" } : { query: `y=1&x=${value}` })],
    ["cookies", (value) => ({ headers: { cookie: value === undefined ? "y=1" : `y=1; x=${value}` } })],
  ]
  for (const [source, head] of sources) {
    it(`of ${source} is absent, empty or present, and a negated test holds when the test does not`, () => {
      for (const [test, expected] of TABLE) {
        const holds = (negate: boolean) =>
          VALUES.map((value, index) =>
            stoppedBy({ [source]: [aTest("x", test, negate)] }, head(value)) === undefined ? LETTERS[index] : "-",
          )
        expect([test, holds(false).join(" ")]).toEqual([test, expected])
        expect(holds(true)).toEqual(holds(false).map((letter, index) => (letter === "-" ? LETTERS[index] : "-")))
      }
    })
  }
})

describe("a repeated header", () => {
  const headers = [
    ["x", "bah"],
    ["x", "bar"],
    ["x", "baz"],
  ] as const

  it("holds for any one of its values, and for the whole line", () => {
    expect(stoppedBy({ headers: ["x=bar"] }, { headers })).toBeUndefined()
    expect(stoppedBy({ headers: ["x=bah, bar, baz"] }, { headers })).toBeUndefined()
    expect(stoppedBy({ headers: [aTest("x", { kind: "regex", value: "ba[r]" })] }, { headers })).toBeUndefined()
    expect(stoppedBy({ headers: ["x=ba"] }, { headers })).toBe("header")
  })

  it("does not escape a negated test by a second value", () => {
    expect(stoppedBy({ headers: ["x!=bar"] }, { headers })).toBe("header")
    expect(stoppedBy({ headers: ["x!=other"] }, { headers })).toBeUndefined()
  })

  it("is empty when it was sent empty", () => {
    expect(stoppedBy({ headers: ["x="] }, { headers: { x: "" } })).toBeUndefined()
    expect(stoppedBy({ headers: ["!x"] }, { headers: { x: "" } })).toBe("header")
  })
})

describe("a claim", () => {
  const claims = {
    sub: "alice",
    group: ["dev", "ops"],
    level: 3,
    admin: false,
    empty: [],
    none: null,
    nested: { key1: ["valueA", "valueB"], "a.b": "c" },
  }
  const stopped = (condition: string | ValueMatch) => stoppedBy({ claims: [condition] }, { claims })

  it.each<[string | ValueMatch, boolean]>([
    ["sub=alice", true],
    ["sub=ali", false],
    ["sub!=bob", true],
    ["sub!=alice", false],
    [aTest("sub", { kind: "prefix", value: "al" }), true],
    ["group=dev", true],
    ["group=ops", true],
    ["group=dev, ops", false],
    ["group!=dev", false],
    ["group!=qa", true],
    [aTest("group", { kind: "regex", value: "o.s" }), true],
    ["level=3", true],
    ["admin=false", true],
    ["nested.key1=valueB", true],
    ["nested[a.b]=c", true],
    ["nested", true],
    ["nested=x", false],
    ["empty", true],
    ["empty=", false],
    ["none", false],
    ["!none", true],
    ["!missing", true],
    ["missing!=x", true],
    ["sub.length", false],
    ["constructor", false],
    ["__proto__", false],
    ["group.0", false],
  ])("%j holds: %s", (condition, holds) => {
    expect(stopped(condition)).toBe(holds ? undefined : "claim")
  })

  it("of nobody is absent, and no header stands for it", () => {
    const headers = { sub: "alice", "request.auth.claims.sub": "alice" }
    expect(stoppedBy({ claims: ["sub"] }, {})).toBe("claim")
    expect(stoppedBy({ claims: ["sub=alice"] }, { headers })).toBe("claim")
    expect(stoppedBy({ claims: ["!sub"] }, {})).toBeUndefined()
  })
})

describe("the query", () => {
  it("is decoded, case-sensitive, and counts the first of repeated parameters", () => {
    expect(stoppedBy({ query: ["a b=c d"] }, { query: "a%20b=c+d" })).toBeUndefined()
    expect(stoppedBy({ query: ["A=1"] }, { query: "a=1" })).toBe("query")
    expect(stoppedBy({ query: ["a=2"] }, { query: "a=1&a=2" })).toBe("query")
    expect(stoppedBy({ query: ["a="] }, { query: "a" })).toBeUndefined()
    expect(stoppedBy({ query: ["a=%zz"] }, { query: "a=%zz" })).toBeUndefined()
  })
})

describe("cookies", () => {
  it("may be quoted and spaced, and the first of a name counts", () => {
    const cookie = 'a="1"; b = 2 ;c=x=y; a=9; junk; __proto__=p'
    for (const pair of ["a=1", "b=2", "c=x=y", "__proto__=p", "!junk", "!toString"]) {
      expect([pair, stoppedBy({ cookies: [pair] }, { headers: { cookie } })]).toEqual([pair, undefined])
    }
  })
})

describe("the client's address", () => {
  it("is in one of the networks, whatever it wears, and in none where it is not known", () => {
    const addresses = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]
    const inside = ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "192.0.2.7"]
    const outside = ["11.0.0.1", "2001:db9::1", "192.0.2.8", "010.1.2.3", "10.1.2.3, 1.1.1.1", ""]
    for (const address of inside) expect([address, stoppedBy({ addresses }, { address })]).toEqual([address, undefined])
    for (const address of outside)
      expect([address, stoppedBy({ addresses }, { address })]).toEqual([address, "address"])
    expect(stoppedBy({ addresses: ["0.0.0.0/0", "::/0"] }, {})).toBe("address")
    expect(stoppedBy({ addresses: ["nowhere"] }, { address: "10.1.2.3" })).toBe("address")
  })
})

describe("the time", () => {
  it("is from a moment on, until another, and at none where it is not known", () => {
    const period = { afterMs: 10, beforeMs: 20 }
    expect([9, 10, 19, 20].map((nowMs) => stoppedBy(period, { nowMs }))).toEqual(["time", undefined, undefined, "time"])
    expect([9, 10].map((nowMs) => stoppedBy({ afterMs: 10 }, { nowMs }))).toEqual(["time", undefined])
    expect([9, 10].map((nowMs) => stoppedBy({ beforeMs: 10 }, { nowMs }))).toEqual([undefined, "time"])
    expect(stoppedBy({ beforeMs: 10 }, {})).toBe("time")
  })
})

describe("conditions together", () => {
  it("must all hold; the first that fails is told", () => {
    const match: MatchText = {
      method: "GET",
      from: ["cart"],
      headers: ["h=1"],
      query: ["q=1"],
      cookies: ["c=1"],
      claims: ["sub=a"],
      percent: 50,
    }
    const head: HeadText = {
      caller: "cart",
      headers: { h: "1", cookie: "c=1" },
      query: "q=1",
      claims: { sub: "a" },
      dice: 0.49,
    }
    expect(stoppedBy(match, head)).toBeUndefined()
    expect(stoppedBy(match, { ...head, method: "HEAD" })).toBe("method")
    expect(stoppedBy(match, { ...head, caller: "other" })).toBe("from")
    expect(stoppedBy(match, { ...head, headers: { cookie: "c=1" } })).toBe("header")
    expect(stoppedBy(match, { ...head, query: "" })).toBe("query")
    expect(stoppedBy(match, { ...head, headers: { h: "1" } })).toBe("cookie")
    expect(stoppedBy(match, { ...head, claims: { sub: "b" } })).toBe("claim")
    expect(stoppedBy(match, { ...head, dice: 0.5 })).toBe("percent")
    expect(stoppedBy({ percent: 100 }, { dice: 1 - 2 ** -53 })).toBeUndefined()
    expect(stoppedBy({ percent: 0 }, { dice: 0 })).toBe("percent")
    expect(stoppedBy({ from: [] }, { caller: "cart" })).toBe("from")
  })
})
