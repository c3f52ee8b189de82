import { describe, expect, it } from "vitest"
import { LIMITS } from "#shared/model/limits.ts"
import type { Match } from "#shared/model/route.ts"
import { MethodNames } from "#shared/telemetry/method-names.ts"

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`)
const ruleFor = (...methods: string[]) => ({
  matches: methods.map((rpc): Match => ({ rpc, headers: [], query: [], cookies: [] })),
})

describe("the methods of a service", () => {
  it("are told apart by their names", () => {
    const methods = new MethodNames()
    expect(methods.nameFor("a/orders", "getOrder", true, undefined)).toBe("getOrder")
    expect(methods.nameFor("a/orders", "users.get", false, undefined)).toBe("users.get")
  })

  it("are other beyond their number, service by service", () => {
    const methods = new MethodNames()
    const told = names("m", 100).map((name) => methods.nameFor("a/orders", name, true, undefined))
    expect(told.filter((name) => name !== "other")).toHaveLength(LIMITS.methodsMax)
    expect(methods.nameFor("a/orders", "m0", false, undefined)).toBe("m0")
    expect(methods.nameFor("a/catalog", "m99", true, undefined)).toBe("m99")
  })

  it("leave places for those that work, however many names somebody makes up", () => {
    const methods = new MethodNames()
    const made = names("made", 1_000).map((name) => methods.nameFor("a/orders", name, false, undefined))
    expect(made.filter((name) => name !== "other")).toHaveLength(LIMITS.methodsMax / 2)
    expect(methods.nameFor("a/orders", "getOrder", true, undefined)).toBe("getOrder")
    expect(methods.nameFor("a/orders", "ruled", false, ruleFor("other", "ruled"))).toBe("ruled")
    expect(methods.nameFor("a/orders", "globbed", false, ruleFor("glob*"))).toBe("other")
  })

  it("give a made-up name's place back once the method works", () => {
    const methods = new MethodNames()
    for (const name of names("slow", LIMITS.methodsMax / 2)) methods.nameFor("a/orders", name, false, undefined)
    expect(methods.nameFor("a/orders", "new", false, undefined)).toBe("other")
    expect(methods.nameFor("a/orders", "slow0", true, undefined)).toBe("slow0")
    expect(methods.nameFor("a/orders", "new", false, undefined)).toBe("new")
  })

  it.each(["", "a b", "x\ny", 'q"q', "é", "a..b", ".a", "1a", "m".repeat(LIMITS.methodCharsMax + 1), "__proto__ "])(
    "do not have the name %j",
    (name) => {
      expect(new MethodNames().nameFor("a/orders", name, true, undefined)).toBe("other")
    },
  )
})
