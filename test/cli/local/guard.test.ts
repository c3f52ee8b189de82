/** What a process with a mesh leaves in the environment of those that it starts. */
import { execFileSync } from "node:child_process"
import { expect, it } from "vitest"
import { startGuard } from "#cli/local/guard.ts"

const GUARD = new URL("../../../cli/local/guard.ts", import.meta.url)
const NESTED = `import { startGuard } from "${GUARD}"; const guard = startGuard(); console.log(guard.env.WEFT_WORKERD); guard.release()`

it.skipIf(process.platform === "win32")("starts the runtime, not itself, in a process below one with a mesh", () => {
  const guard = startGuard()
  const nested = execFileSync(process.execPath, ["--input-type=module", "-e", NESTED], { encoding: "utf8" })
  guard.release()
  expect(nested.trim()).toBe(guard.env.WEFT_WORKERD)
  expect(nested).not.toContain("workerd.sh")
})
