import { describe, expect, it } from "vitest"
import type { Namespace } from "#shared/model/names.ts"
import type { Attachment } from "#shared/model/route.ts"
import type { Entry } from "#shared/routing/table.ts"
import { aTable, type MatchText, service, taker } from "./build.ts"

describe("services", () => {
  const entry: Entry = { at: "service", service: service("orders") }
  const producer: Attachment = { to: "service", service: service("orders") }
  const consumer: Attachment = { ...producer, consumers: "team" as Namespace }

  it("without routes are simply called", () => {
    expect(taker(aTable(), {}, entry)).toBe("implicit")
    expect(taker(aTable({ attachments: [consumer], rules: [["c"]] }), { caller: "cart" }, entry)).toBe("implicit")
  })

  it("with routes take only what a rule takes, whatever the host", () => {
    const table = aTable({ attachments: [producer], rules: [["v2", { path: "/v2" }]] })
    expect(taker(table, { path: "/v2", host: "" }, entry)).toBe("v2")
    expect(taker(table, { path: "/v2", host: "anything" }, entry)).toBe("v2")
    expect(taker(table, { path: "/v1" }, entry)).toBe("404")
  })

  it("let a consumer's routes replace the producer's for callers of that namespace", () => {
    const table = aTable(
      { name: "p", attachments: [producer], rules: [["producer"]] },
      { name: "c", attachments: [consumer], rules: [["consumer", { path: "/c" }]] },
    )
    expect(taker(table, { path: "/c", caller: "team/cart" }, entry)).toBe("consumer")
    expect(taker(table, { path: "/p", caller: "team/cart" }, entry)).toBe("404")
    expect(taker(table, { path: "/c", caller: "default/cart" }, entry)).toBe("producer")
    expect(taker(table, { path: "/c" }, entry)).toBe("producer")
  })

  it("route RPC by the method's name: exact, then glob, then any", () => {
    const table = aTable({
      attachments: [producer],
      rules: [
        ["any"],
        ["get", { rpc: "get*" }],
        ["order", { rpc: "getOrder" }],
        ["longer", { rpc: "get*s" }],
        ["http", { path: "/x" }, { method: "POST" }, { query: ["a=1"] }, { path: "=/" }],
      ],
    })
    expect(taker(table, { rpc: "getOrder" }, entry)).toBe("order")
    expect(taker(table, { rpc: "getOrders" }, entry)).toBe("longer")
    expect(taker(table, { rpc: "getCart" }, entry)).toBe("get")
    expect(taker(table, { rpc: "put", method: "POST" }, entry)).toBe("any")
    expect(taker(table, { path: "/getOrder" }, entry)).toBe("any")
    expect(taker(table, { path: "/x" }, entry)).toBe("http")
  })

  it("give RPC to the prefix / and to a match on the caller, but not to one on HTTP alone", () => {
    const rpc = (only: MatchText) =>
      taker(aTable({ attachments: [producer], rules: [["a", only]] }), { rpc: "go", caller: "cart" }, entry)
    expect(rpc({ path: "/" })).toBe("a")
    expect(rpc({ from: ["cart"] })).toBe("a")
    expect(rpc({ rpc: "*" })).toBe("a")
    expect(rpc({ rpc: "g*o" })).toBe("a")
    expect(rpc({ rpc: "go*o" })).toBe("404")
    expect(rpc({ path: "~.*" })).toBe("404")
    expect(rpc({ path: "/**" })).toBe("404")
    expect(rpc({ method: "GET" })).toBe("404")
    expect(rpc({ query: ["!a"] })).toBe("404")
    expect(rpc({ headers: ["!a"] })).toBe("a")
    expect(rpc({ headers: ["a"] })).toBe("404")
  })
})
