/** `weft version`. */
import { readFileSync } from "node:fs"
import { type Call, EXIT, type ExitCode } from "#cli/command.ts"

export async function run(call: Call): Promise<ExitCode> {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
  call.io.out.write(`weft ${manifest.version} (node ${process.versions.node})\n`)
  return EXIT.ok
}
