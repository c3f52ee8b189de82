import { afterEach, describe, expect, it } from "vitest"
import { consoleModule, parseLine } from "#cli/local/logs.ts"

const real = { ...console }
afterEach(() => Object.assign(console, real))

/** What a Worker's console prints once its first module has run. */
function printed(worker: string, ...args: unknown[]): unknown[] {
  let seen: unknown[] = []
  console.warn = (...parts: unknown[]) => {
    seen = parts
  }
  new Function(consoleModule(worker))()
  console.warn(...args)
  return seen
}

describe("the console of a Worker", () => {
  it("marks what it prints with the Worker's name, and parseLine takes the mark off", () => {
    const [message] = printed("orders", "placed")
    expect(parseLine({ level: "warn", message: message as string, timestamp: 7 })).toEqual({
      worker: "orders",
      level: "warn",
      message: "placed",
      atMs: 7,
    })
  })

  it("leaves format strings in their place", () => {
    expect(printed("a", "%s is %d", "x", 1).slice(1)).toEqual(["x", 1])
    expect(String(printed("a", "%s is %d", "x", 1)[0])).toMatch(/%s is %d$/)
  })

  it.each([[[{ a: 1 }]], [[7, "x"]], [[]], [[undefined, 1]]])("prints %j after the mark", (args) => {
    expect(printed("a", ...args).slice(1)).toEqual(args)
  })
})

describe("parseLine", () => {
  it.each([
    ["a line of the runtime", "Uncaught Error: x", undefined, "Uncaught Error: x"],
    [
      "a Worker that cannot start",
      "service core:user:orders: Uncaught Error: x\n  at y",
      "orders",
      "Uncaught Error: x\n  at y",
    ],
    [
      "a stack without the runner's own places",
      "\u0001orders\u0001fetch threw Error: x\n    at Object.fetch (file:///index.js:4:50)\n    at file:///weft-exceptions.js:24:97\n    at seen (file:///weft-exceptions.js:11:20)\n    at caller (file:///index.js:9:1)",
      "orders",
      "fetch threw Error: x\n    at Object.fetch (file:///index.js:4:50)\n    at caller (file:///index.js:9:1)",
    ],
    ["a mark without an end", "\u0001orders", undefined, "\u0001orders"],
    ["an object after the mark", "\u0001orders\u0001 { a: 1 }", "orders", "{ a: 1 }"],
    ["an empty line", "\u0001orders\u0001", "orders", ""],
  ])("reads %s", (_, message, worker, text) => {
    expect(parseLine({ level: "log", message, timestamp: 0 })).toMatchObject({ worker, message: text })
  })
})
