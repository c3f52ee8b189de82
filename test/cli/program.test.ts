import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { COMMANDS } from "#cli/rows.ts"
import { folderOf, type RunOptions, weft } from "#test/support/cli.ts"
import { details, type FakeControl, startFakeControl, TOKEN } from "#test/support/fake-control.ts"

describe("usage", () => {
  it("shows help with every command and the exit codes", async () => {
    const { exit, out, err } = await weft([])
    expect({ exit, err }).toEqual({ exit: 0, err: "" })
    for (const { path } of COMMANDS) expect(out).toContain(`  ${path.split(" ")[0]} `)
    expect(out).toContain("Exit codes:\n  0  done")
    expect((await weft(["--help"])).out).toBe(out)
  })

  it.each(COMMANDS.map(({ path }) => path))("helps with %s", async (path) => {
    const ran = await weft([...path.split(" "), "--help"])
    expect(ran).toMatchObject({ exit: 0, err: "" })
    expect(ran.out).toContain(`Usage: weft ${path} `)
  })

  it.each([
    [["aply"], "error: unknown command 'aply'\n(Did you mean apply?)\n"],
    [["status", "--nope"], "error: unknown option '--nope'\n"],
    [["status", "more"], "error: too many arguments for 'status'. Expected 0 arguments but got 1: more.\n"],
    [["delete"], "error: missing required argument 'kind'\n"],
    [["status", "-o", "xml"], "Allowed choices are table, json, yaml.\n"],
    [["history", "--limit", "many"], "It must be a whole number.\n"],
    [["apply", "--timeout", "soon"], "It must be a duration such as 30s, 5m or 7d.\n"],
    [["token", "create", "x", "--role", "god"], "Allowed choices are metrics, viewer, operator, admin.\n"],
    [["up", "--ingress-port", "70000"], "It must be a port, 0 to 65535.\n"],
    [["token"], "Usage: weft token"],
    [["completion", "powershell"], 'error: no completion for "powershell"\n  there is bash, zsh, fish\n'],
    [["status", "--url", "ftp://x"], 'error: "ftp://x" is not an http or https URL\n'],
  ])("exits 2 for %j", async (argv, message) => {
    const ran = await weft(argv)
    expect(ran.exit).toBe(2)
    expect(ran.err).toContain(message)
    expect(ran.out).toBe("")
  })
})

describe("connection", () => {
  let control: FakeControl
  beforeEach(async () => {
    control = await startFakeControl()
  })
  afterEach(() => control.stop())
  const status = (options: RunOptions = {}) =>
    weft(["status"], { ...options, env: { WEFT_URL: control.url, ...options.env } })

  it("says how to start a mesh when there is none", async () => {
    expect(await weft(["status", "--url", "http://127.0.0.1:45991"])).toEqual({
      exit: 3,
      out: "",
      err: `error: control is not reachable at http://127.0.0.1:45991 (connection refused)
  is the mesh running? \`npm start\` or \`weft up\` starts one; --url or WEFT_URL names another
`,
    })
  })

  it("takes the token of a local start from the nearest folder upwards", async () => {
    const cwd = folderOf({ ".weft/token": `${TOKEN}\n`, "a/b/x": "" })
    expect((await status({ cwd: `${cwd}/a/b` })).exit).toBe(0)
  })

  it("tells its version by the flag that people try", async () => {
    expect((await weft(["--version"])).out).toBe((await weft(["version"])).out)
  })

  it("prefers --token to WEFT_TOKEN to the file", async () => {
    const cwd = folderOf({ ".weft/token": "of-file" })
    const sent = async (options: RunOptions, more: string[] = []) => {
      await weft(["status", "--url", control.url, ...more], { cwd, ...options })
      return control.requests.at(-1)?.headers.get("authorization")
    }
    expect(await sent({})).toBe("Bearer of-file")
    expect(await sent({ env: { WEFT_TOKEN: "of-env" } })).toBe("Bearer of-env")
    expect(await sent({ env: { WEFT_TOKEN: "of-env" } }, ["--token", "of-option"])).toBe("Bearer of-option")
  })

  it("keeps a local token from a control elsewhere", async () => {
    const cwd = folderOf({ ".weft/token": TOKEN })
    const port = new URL(control.url).port
    // A name that leads to the same socket, but is not this machine by its name.
    const ran = await weft(["status", "--url", `http://0.0.0.0:${port}`, "--insecure"], { cwd })
    expect(control.requests.at(-1)?.headers.get("authorization")).toBe(null)
    expect(ran).toMatchObject({ exit: 4 })
    expect(ran.err).toContain("wants a token")
  })

  it.each([
    ["a missing token", {}, 4, "wants a token\n  set WEFT_TOKEN or pass --token"],
    ["a wrong token", { WEFT_TOKEN: "wrong-secret" }, 4, "does not know the token from WEFT_TOKEN\n"],
    [
      "a token in two lines",
      { WEFT_TOKEN: "wrong-\nwrong-secret" },
      2,
      "the token of WEFT_TOKEN has spaces, line breaks",
    ],
  ])("explains %s, and never shows one", async (_, env, exit, message) => {
    const ran = await status({ env })
    expect(ran.exit).toBe(exit)
    expect(ran.err).toContain(message)
    expect(ran.err + ran.out).not.toContain("wrong-secret")
  })

  it.each([
    [
      "403",
      () => details(403, "A viewer may not apply."),
      4,
      "error: not allowed: A viewer may not apply.\n  the token is from WEFT_TOKEN;",
    ],
    [
      "a redirect",
      () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }),
      3,
      "(status 302) is not a Weft control",
    ],
    ["some page", () => new Response("<html>", { status: 200 }), 3, "(status 200) is not a Weft control"],
    [
      "a crash",
      () => details(500, "The log has more under 7."),
      3,
      "error: control failed (500): The log has more under 7.\n",
    ],
    ["too large", () => details(413, "At most 4 MiB."), 1, "error: At most 4 MiB.\n"],
    ["terminal tricks", () => details(400, "a\u001b[2Jb\nc"), 1, "error: a\\u001b[2Jb c\n"],
  ])("explains %s", async (_, answer, exit, message) => {
    control.intercept = answer
    const ran = await status({ env: { WEFT_TOKEN: TOKEN } })
    expect(ran.exit).toBe(exit)
    expect(ran.err).toContain(message)
    expect(ran.out).toBe("")
  })

  it.each([
    ["a terminal", { terminal: true }, true],
    ["a pipe", {}, false],
    ["a terminal that wants none", { terminal: true, env: { NO_COLOR: "1" } }, false],
    ["a pipe that wants them", { env: { FORCE_COLOR: "1" } }, true],
  ])("colors what it prints for %s: %j %s", async (_, options: RunOptions, colored) => {
    const env = { WEFT_URL: control.url, WEFT_TOKEN: TOKEN, ...options.env }
    expect((await weft(["check"], { ...options, env })).out.includes("\u001b[")).toBe(colored)
  })
})
