/** `weft rollout`: how a guarded apply stands, and ending it by hand. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { painter, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import { endedText, runningText } from "#cli/rollout.ts"
import type { EndRollout } from "#shared/protocol/control-api.ts"

const NOTHING = "nothing was ever applied under guard; `weft apply --guard` does"

export async function run(call: Call): Promise<ExitCode> {
  const { io } = call
  const view = await clientFor(call).rollout()
  if (failed(view)) return report(io, view)
  const { rollout } = view
  await print(io, call.format, view, () => {
    if (!rollout) return `${NOTHING}\n`
    const paint = painter(io, io.out)
    return `${rollout.phase === "running" ? runningText(rollout, io.nowMs()) : endedText(rollout, paint)}\n`
  })
  return EXIT.ok
}

export function promote(call: Call): Promise<ExitCode> {
  return end(call, "promote")
}

export function undo(call: Call): Promise<ExitCode> {
  return end(call, "undo")
}

async function end(call: Call, action: EndRollout["action"]): Promise<ExitCode> {
  const { io, options } = call
  const view = await clientFor(call).endRollout({ action, ...(options.message && { message: options.message }) })
  if (failed(view)) return report(io, view)
  const { rollout } = view
  await print(io, call.format, view, () => (rollout ? `${endedText(rollout, painter(io, io.out))}\n` : ""))
  return EXIT.ok
}
