import { describe, expect, it } from "vitest"
import type { Namespace } from "#shared/model/names.ts"
import type { Attachment } from "#shared/model/route.ts"
import { explain } from "#shared/routing/explain.ts"
import type { Entry } from "#shared/routing/table.ts"
import { aHead, aTable, service, taker } from "./build.ts"

const every: Attachment = { to: "service", service: service("orders") }
const one: Attachment = { ...every, port: 80 }
const at = (port?: number): Entry => ({
  at: "service",
  service: service("orders"),
  ...(port !== undefined && { port }),
})

describe("routes on one port of a service", () => {
  const only = aTable({ attachments: [one], rules: [["80", { path: "/" }]] })
  it("take requests to that port, and leave the others alone", () => {
    expect([at(80), at(8080), at()].map((entry) => taker(only, { path: "/x" }, entry))).toEqual([
      "80",
      "implicit",
      "implicit",
    ])
  })

  it("stand beside the routes that name no port", () => {
    const both = aTable(
      {
        name: "a",
        attachments: [every],
        rules: [
          ["every", { path: "/every" }],
          ["shared", { path: "/" }],
        ],
      },
      { name: "b", attachments: [one], rules: [["80", { path: "/port" }]] },
    )
    const takes = (path: string, port?: number) => taker(both, { path }, at(port))
    expect([takes("/every", 80), takes("/port", 80), takes("/port", 8080), takes("/port")]).toEqual([
      "every",
      "80",
      "shared",
      "shared",
    ])
  })

  it("replace the producer's for callers of a consumer's namespace, on that port", () => {
    const table = aTable(
      { name: "a", attachments: [every], rules: [["producer"]] },
      { name: "b", attachments: [{ ...one, consumers: "team" as Namespace }], rules: [["consumer"]] },
    )
    const takes = (caller: string, port: number) => taker(table, { path: "/", caller }, at(port))
    expect([takes("team/cart", 80), takes("team/cart", 81), takes("default/cart", 80)]).toEqual([
      "consumer",
      "producer",
      "producer",
    ])
  })

  it("are explained as what they are", () => {
    expect(explain(only, at(80), aHead({ path: "/" })).outcome).toBe("matched")
    expect(explain(only, at(81), aHead({ path: "/" })).outcome).toBe("implicit")
  })
})
