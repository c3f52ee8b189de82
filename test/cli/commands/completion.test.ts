import { spawnSync } from "node:child_process"
import { existsSync, symlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { COMMANDS, GROUPS } from "#cli/rows.ts"
import { folderOf, weft } from "#test/support/cli.ts"

const LAUNCHER = fileURLToPath(new URL("../../../cli/weft.mjs", import.meta.url))

async function suggestions(words: string[], cwd?: string): Promise<string[]> {
  const ran = await weft(["complete", "--", ...words], cwd === undefined ? {} : { cwd })
  expect(ran).toMatchObject({ exit: 0, err: "" })
  const lines = ran.out.trimEnd().split("\n")
  expect(lines.at(-1)).toBe(":4")
  return lines.slice(0, -1).map((line) => line.split("\t")[0]!)
}

describe("completion", () => {
  it.each(["bash", "zsh", "fish"])("gives %s a script that asks weft", async (shell) => {
    const ran = await weft(["completion", shell])
    expect(ran).toMatchObject({ exit: 0, err: "" })
    expect(ran.out).toContain("weft complete --")
    const check = { bash: ["-n"], zsh: ["-n"], fish: ["--no-execute"] }[shell]!
    const parsed = spawnSync(shell, check, { input: ran.out, encoding: "utf8" })
    if (!parsed.error) expect(parsed).toMatchObject({ status: 0, stderr: "" })
  })

  it("completes in a real bash, which runs nothing of what is typed or lies about", () => {
    const bin = folderOf({})
    symlinkSync(LAUNCHER, join(bin, "weft"))
    const cwd = folderOf({ "mesh.yaml": "", "$(touch owned)": "", "a b": "" })
    const type = (...words: string[]) => {
      const quoted = words.map((word) => `'${word}'`).join(" ")
      const script = `source <(weft completion bash); COMP_WORDS=(weft ${quoted}); COMP_CWORD=${words.length}; __weft_complete; printf '%s\\n' "\${COMPREPLY[@]}"`
      const env = { PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}`, HOME: cwd }
      const ran = spawnSync("bash", ["-c", script], { cwd, env, encoding: "utf8" })
      expect(ran.stderr).toBe("")
      return ran.stdout.trim().split("\n")
    }
    expect(type("rollb")).toEqual(["rollback"])
    expect(type("token", "")).toEqual(["list", "create", "revoke"])
    expect(type("apply", "-f", "")).toEqual(["mesh.yaml"])
    expect(type("apply", "$(touch owned)", "--pru")).toEqual(["--prune"])
    expect(existsSync(join(cwd, "owned"))).toBe(false)
  })

  it("knows every command and every option", async () => {
    const first = [...new Set(COMMANDS.map(({ path }) => path.split(" ")[0]))]
    expect((await suggestions([""])).sort()).toEqual(first.sort())
    for (const group of Object.keys(GROUPS)) {
      const verbs = COMMANDS.filter(({ path }) => path.startsWith(`${group} `)).map(({ path }) => path.split(" ")[1])
      expect(await suggestions([group, ""])).toEqual(verbs)
    }
    for (const { path, options = [] } of COMMANDS) {
      const offered = await suggestions([...path.split(" "), "--"])
      for (const [flags] of options) expect(offered).toContain(/--[a-z-]+/.exec(flags)![0])
    }
  })

  it.each([
    [
      ["get", ""],
      ["services", "routes", "gateways"],
    ],
    [
      ["status", "-o", ""],
      ["table", "json", "yaml"],
    ],
    [["token", "create", "ci", "--role", "o"], ["operator"]],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [
      ["apply", "-f", ""],
      ["mesh/", "other.yaml"],
    ],
    [["apply", "-f", "mesh/"], ["mesh/a.yaml"]],
  ])("%j", async (words, expected) => {
    const cwd = folderOf({ "mesh/a.yaml": "", "other.yaml": "", ".hidden": "" })
    expect((await suggestions(words, cwd)).sort()).toEqual([...expected].sort())
  })
})
