import { spawnSync } from "node:child_process"
import { chmodSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { folderOf } from "#test/support/cli.ts"

const START = fileURLToPath(new URL("../../../cli/workerd/start.sh", import.meta.url))

/** With a runtime that prints its arguments, one a line. */
function started(...args: string[]) {
  const folder = folderOf({ workerd: '#!/bin/sh\nprintf "%s\\n" "$@"\n' })
  const runtime = join(folder, "workerd")
  chmodSync(runtime, 0o700)
  const env = { ...process.env, WORKERD: runtime, WEFT_STATE: join(folder, "state") }
  const { status, stdout, stderr } = spawnSync("sh", [START, ...args], { env, encoding: "utf8" })
  // `serve <config> --directory-path state=<folder>` comes first.
  return { status, stderr, args: stdout.split("\n").slice(4, -1) }
}

const SOCKET = "--socket-addr"

describe.skipIf(process.platform === "win32")("the script that starts a self-hosted mesh", () => {
  it.each([
    [[], []],
    [
      ["--ingress-port", "8080"],
      [SOCKET, "ingress=127.0.0.1:8080"],
    ],
    [
      ["--ingress-port=0", "--control-port=81"],
      [SOCKET, "ingress=127.0.0.1:0", SOCKET, "control=127.0.0.1:81"],
    ],
    [
      ["--verbose", "--control-port", "81", SOCKET, "ingress=*:8080", "a b"],
      ["--verbose", SOCKET, "control=127.0.0.1:81", SOCKET, "ingress=*:8080", "a b"],
    ],
  ])("hands on %j as %j", (given, handed) => {
    expect(started(...given)).toEqual({ status: 0, stderr: "", args: handed })
  })

  it("says which port is missing", () => {
    expect(started("--ingress-port")).toMatchObject({ status: 2, stderr: "weft: --ingress-port needs a port\n" })
  })
})
