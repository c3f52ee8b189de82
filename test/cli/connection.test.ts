import { chmodSync } from "node:fs"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { connect } from "#cli/connection.ts"
import { selfSigned } from "#test/support/certificate.ts"
import { folderOf, weft, weftProcess } from "#test/support/cli.ts"

/** What a command says to an address, and whether it would take any certificate. */
async function status(url: string, argv: string[] = [], env: Record<string, string> = {}) {
  let trusting = false
  const onInsecure = () => {
    trusting = true
  }
  const options = { env: { WEFT_TOKEN: "token-of-somebody", ...env }, onInsecure }
  return { ...(await weft(["status", ...(url ? ["--url", url] : []), ...argv], options)), trusting }
}

describe("an address", () => {
  it.each([
    ["http://control.example", "http:// would carry the token in the clear to control.example"],
    ["http://192.168.1.7:8788", "http:// would carry the token in the clear to 192.168.1.7:8788"],
    ["http://127.0.0.1.evil.example:1", "in the clear to 127.0.0.1.evil.example:1"],
    ["http://localhost.evil.example:1", "in the clear"],
    ["http://[::2]:1", "in the clear"],
    ["ftp://control.example", "is not an http or https URL"],
  ])("%s is refused", async (url, message) => {
    const ran = await status(url)
    expect(ran).toMatchObject({ exit: 2, out: "", trusting: false })
    expect(ran.err).toContain(message)
    expect((await status("", [], { WEFT_URL: url })).exit).toBe(2)
  })

  it.each([
    "http://127.0.0.1:1",
    "http://localhost:1",
    "http://[::1]:1",
    "http://mesh.localhost:1",
    "https://127.0.0.1:1",
  ])("%s is taken", async (url) => {
    expect(await status(url)).toMatchObject({ exit: 3, trusting: false })
  })

  it("is taken with --insecure, which only typing says", async () => {
    expect(await status("http://0.0.0.0:1", ["--insecure"])).toMatchObject({ exit: 3, trusting: true })
    expect((await status("http://0.0.0.0:1", [], { WEFT_INSECURE: "1" })).exit).toBe(2)
  })

  it("is refused while a variable switches the check of certificates off", async () => {
    const ran = await status("https://127.0.0.1:1", [], { NODE_TLS_REJECT_UNAUTHORIZED: "0" })
    expect(ran).toMatchObject({ exit: 2, trusting: false })
    expect(ran.err).toContain("unset it, or say --insecure")
  })
})

describe("a certificate that nobody vouches for", () => {
  const server = createServer(selfSigned("localhost"), (_request, response) => {
    response.setHeader("content-type", "application/json")
    response.end('{"revisions":[]}')
  })
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)))
  afterAll(() => server.close())

  const run = (...more: string[]) => {
    const url = `https://localhost:${(server.address() as AddressInfo).port}`
    return weftProcess(["history", "--url", url, ...more], { env: { WEFT_TOKEN: "token-of-somebody" } })
  }

  it("is refused", async () => {
    const ran = await run()
    expect(ran).toMatchObject({ exit: 3, out: "" })
    expect(ran.err).toMatch(/not reachable .*(SELF_SIGNED|certificate)/)
  })

  it("is taken with --insecure", async () => {
    expect(await run("--insecure")).toMatchObject({ exit: 0, out: expect.stringContaining("no revision yet") })
  })
})

describe("the token that a local start left", () => {
  const connected = (cwd: string, url = "http://127.0.0.1:1") =>
    connect({ env: {}, cwd } as Parameters<typeof connect>[0], { url })

  it.each([
    [0o600, undefined],
    [0o400, undefined],
    [0o640, "others may read"],
    [0o604, "others may read"],
    [0o644, "others may read"],
  ])("of mode %o", (mode, message) => {
    const cwd = folderOf({ ".weft/token": "token-of-the-mesh\n" })
    chmodSync(join(cwd, ".weft/token"), mode)
    const found = connected(cwd)
    if (message === undefined) return expect(found).toMatchObject({ token: "token-of-the-mesh" })
    expect(found).toMatchObject({ exit: 4, message: expect.stringContaining(message) })
    expect(JSON.stringify(found)).not.toContain("token-of-the-mesh")
    // Whoever brings another one does not need it.
    expect(connected(cwd, "https://control.example")).toMatchObject({ token: undefined })
  })
})

describe("the address that a local start left", () => {
  const url = (files: Record<string, string>, options: object = {}, env: Record<string, string> = {}) => {
    const found = connect({ env, cwd: join(folderOf({ "deep/er/x": "", ...files }), "deep/er") } as never, options)
    return "url" in found ? found.url : found
  }

  it.each([
    [{ ".weft/control": "http://127.0.0.1:9788\n" }, "http://127.0.0.1:9788"],
    [
      { ".weft/control": "http://127.0.0.1:9788\n", "deep/.weft/control": "http://localhost:9789\n" },
      "http://localhost:9789",
    ],
    [{}, "http://127.0.0.1:8788"],
    // What a folder of somebody else's says leads nowhere but to this machine.
    [{ ".weft/control": "https://control.example" }, "http://127.0.0.1:8788"],
    [{ ".weft/control": "http://192.168.1.7:8788" }, "http://127.0.0.1:8788"],
    [{ ".weft/control": "nonsense" }, "http://127.0.0.1:8788"],
    [{ ".weft/control": "" }, "http://127.0.0.1:8788"],
  ])("%j leads to %s", (files, expected) => {
    expect(url(files as Record<string, string>)).toBe(expected)
  })

  it("gives way to what a person says", () => {
    const files = { ".weft/control": "http://127.0.0.1:9788" }
    expect(url(files, { url: "http://localhost:1" })).toBe("http://localhost:1")
    expect(url(files, {}, { WEFT_URL: "http://localhost:2" })).toBe("http://localhost:2")
  })
})
