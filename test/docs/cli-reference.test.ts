/** The CLI's reference page is written by a script; this says when somebody forgot to run it. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { expect, it } from "vitest"

const ROOT = join(import.meta.dirname, "..", "..")

it("is what the CLI says", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/cli-reference.ts", "--check"], {
    cwd: ROOT,
    encoding: "utf8",
  })
  expect({ status, stderr: stderr.replace(/^.*(ExperimentalWarning|trace-warnings).*\n/gm, "") }).toEqual({
    status: 0,
    stderr: "",
  })
})
