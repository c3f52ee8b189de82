import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { experimental_readRawConfig } from "wrangler"
import { folderOf, weft } from "#test/support/cli.ts"

const TOML = `# The proxy.
name = "weft"
main = "index.ts" # entry

[[services]]
binding = "CART" # cart
service = "cart"

# objects live in control
[[durable_objects.bindings]]
name = "SESSIONS"
class_name = "SessionObject"
script_name = "weft-control"
`
const JSONC = `{
  // The proxy.
  "name": "weft",
  "vars": { "MODE": "x" }, // mode
  "services": [
    { "binding": "CART", "service": "cart", "entrypoint": "Api" },
  ],
}
`

describe("service add", () => {
  it.each([
    ["wrangler.toml", TOML],
    ["wrangler.jsonc", JSONC],
  ])("adds to %s what wrangler then reads, and leaves the rest alone", async (file, text) => {
    const cwd = folderOf({ [file]: text })
    const first = await weft(["service", "add", "orders", "--worker", "orders"], { cwd })
    expect(first).toMatchObject({ exit: 0, err: "" })
    expect(first.out).toContain(`${file} now binds ORDERS to the Worker orders.\n`)
    const second = await weft(
      ["service", "add", "orders", "-n", "team-a", "--subset", "v2", "--worker", "orders-v2", "--entrypoint", "Api"],
      { cwd },
    )
    expect(second.exit).toBe(0)
    const { rawConfig } = experimental_readRawConfig({ config: join(cwd, file) })
    expect(rawConfig.services?.slice(1)).toEqual([
      { binding: "ORDERS", service: "orders" },
      { binding: "TEAM_A__ORDERS_V2", service: "orders-v2", entrypoint: "Api" },
    ])
    const after = readFileSync(join(cwd, file), "utf8").split("\n")
    for (const line of text.split("\n")) expect(after).toContain(line)
  })

  it("prints the caller's half, ready to paste", async () => {
    const cwd = folderOf({ "wrangler.toml": TOML })
    const { out } = await weft(["service", "add", "team-a/orders", "--subset", "v2", "--worker", "orders-v2"], { cwd })
    expect(out).toBe(`wrangler.toml now binds TEAM_A__ORDERS_V2 to the Worker orders-v2.

Declare it in the mesh's document:

  namespace: team-a
  services: { orders: { subsets: { v2: {} } } }

In each caller's wrangler config, with the caller's own name for <caller>:

  jsonc  "services": [{ "binding": "ORDERS", "service": "weft", "entrypoint": "Sidecar", "props": { "from": "<caller>", "to": "team-a/orders" } }]
  toml   services = [{ binding = "ORDERS", service = "weft", entrypoint = "Sidecar", props = { from = "<caller>", to = "team-a/orders" } }]

Then deploy: weft deploy
`)
  })

  it("does nothing the second time", async () => {
    const cwd = folderOf({ "wrangler.toml": TOML })
    const add = () => weft(["service", "add", "cart", "--worker", "cart", "-o", "json"], { cwd })
    expect(JSON.parse((await add()).out)).toMatchObject({ added: false, entry: { binding: "CART", service: "cart" } })
    expect(readFileSync(join(cwd, "wrangler.toml"), "utf8")).toBe(TOML)
  })

  it.each([
    [
      "a name that is taken by another Worker",
      ["cart", "--worker", "cart2"],
      1,
      "already uses the name CART for the Worker cart",
    ],
    [
      "the same Worker by another entrypoint",
      ["cart", "--worker", "cart", "--entrypoint", "Api"],
      1,
      "already uses the name CART",
    ],
    ["a name of another kind", ["sessions", "--worker", "x"], 1, "already uses the name SESSIONS for durable_objects"],
    ["an object of the mesh", ["route-table", "--worker", "x"], 2, "leads to an object of the mesh"],
    ["the Worker's own config", ["weft2", "--worker", "weft"], 1, "is the config of the Worker weft itself"],
    ["a name of the mesh's own", ["weft-x", "--worker", "x"], 2, "is reserved"],
    ["no Worker", ["orders"], 2, "which Worker is it?"],
    ["a bad name", ["Orders", "--worker", "x"], 2, '"Orders" must be lower-case'],
    ["no config", ["orders", "--worker", "x", "--config", "nowhere"], 1, "there is no wrangler config at nowhere"],
  ])("refuses %s", async (_, argv, exit, message) => {
    const cwd = folderOf({ "wrangler.toml": TOML })
    const ran = await weft(["service", "add", ...argv], { cwd })
    expect(ran.exit).toBe(exit)
    expect(ran.err).toContain(message)
    expect(readFileSync(join(cwd, "wrangler.toml"), "utf8")).toBe(TOML)
  })

  it("leaves a config alone that it cannot edit safely", async () => {
    // The last header of services stands inside a text: an entry behind it would change the text.
    const text = 'name = "weft"\n[vars]\nHELP = """\n[[services]]\n[x]\n"""\n'
    const cwd = folderOf({ "wrangler.toml": text })
    const ran = await weft(["service", "add", "orders", "--worker", "orders"], { cwd })
    expect(ran.exit).toBe(1)
    expect(ran.err).toContain("cannot be edited safely; it is unchanged")
    expect(readFileSync(join(cwd, "wrangler.toml"), "utf8")).toBe(text)
  })

  it("says when a config does not parse", async () => {
    const cwd = folderOf({ "wrangler.toml": "name = \n" })
    const ran = await weft(["service", "add", "orders", "--worker", "orders"], { cwd })
    expect(ran.exit).toBe(1)
    expect(ran.err).toContain("wrangler.toml cannot be read")
  })
})
