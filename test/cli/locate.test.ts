import { describe, expect, it } from "vitest"
import { parseText } from "#cli/locate.ts"

const TEXT = `# first line
services:
  orders:
    subsets: { v2: { url: "x" } }
routes:
  "shop.one":
    hosts: [a.test, b.test]
    rules:
      - match:
          headers:
            x.y: "1"
            x: &one { exact: "2" }
      - match: *one
`

describe("a problem's path", () => {
  it.each([
    ["services.orders.subsets.v2.url", "", 4, 27],
    ["services.orders.subsets.v2.url", "unknown-key", 4, 22],
    ["services.orders.subsets.v3", "", 4, 5],
    ["services.orders", "", 3, 3],
    ['routes["shop.one"].hosts[1]', "", 7, 21],
    ["routes.shop.one.hosts[1]", "", 7, 21],
    ['routes["shop.one"].rules[0].match.headers["x.y"]', "", 11, 18],
    ['routes["shop.one"].rules[0].match.headers.x.y', "", 11, 18],
    ['routes["shop.one"].rules[0].match.headers.x.exact', "", 12, 30],
    ['routes["shop.one"].rules[1].match', "", 13, 16],
    ['routes["shop.one"].rules[9]', "", 8, 5],
    ["nothing.here", "", 2, 1],
    ["", "", 2, 1],
  ])("%s (%s) stands at %d:%d", async (path, rule, line, column) => {
    const [document] = await parseText(TEXT, "mesh.yaml")
    expect(document?.problems).toEqual([])
    expect(document?.locate(path, rule)).toMatchObject({ line, column })
  })

  it("is found in JSON that is indented by tabs", async () => {
    const [document] = await parseText('{\n\t"services": {\n\t\t"a": { "url": 1 }\n\t}\n}', "mesh.json")
    expect(document?.problems).toEqual([])
    expect(document?.locate("services.a.url", "")).toMatchObject({ line: 3, column: 17 })
  })
})
