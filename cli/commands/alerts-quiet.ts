/** `weft alerts silence`, `unsilence` and `ack`: what people say to alerts. */
import { silenceText } from "#cli/alerts-text.ts"
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { nameOf } from "#cli/kinds.ts"
import { count, plain, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"

const SILENCE_MS = 60 * 60 * 1000
const ACKNOWLEDGE_MS = 4 * 60 * 60 * 1000

export async function silence(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const [slo] = call.args
  if ((slo === undefined) !== (options.all === true)) {
    const message = slo === undefined ? "say which objective, or --all" : "an objective and --all exclude each other"
    return report(io, { exit: EXIT.usage, message })
  }
  const silenced = await clientFor(call).silence({
    ...(slo === undefined ? namespaceOf(options.namespace) : scopeOf(slo, options.namespace)),
    ...about(call, SILENCE_MS),
  })
  if (failed(silenced)) return report(io, silenced)
  await print(io, call.format, silenced, () => `${silenceText(silenced, io.nowMs())}\n`)
  return EXIT.ok
}

export async function unsilence(call: Call): Promise<ExitCode> {
  const [id = ""] = call.args
  const ended = await clientFor(call).unsilence(id)
  if (failed(ended)) return report(call.io, ended)
  call.io.out.write(`the silence ${plain(id)} is over\n`)
  return EXIT.ok
}

export async function acknowledge(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const { severity } = options
  const done = await clientFor(call).acknowledge({
    ...scopeOf(call.args[0]!, options.namespace),
    ...(severity !== undefined && { severity }),
    ...about(call, ACKNOWLEDGE_MS),
  })
  if (failed(done)) return report(io, done)
  await print(io, call.format, done, () => `acknowledged ${count(done.alerts, "alert")}\n`)
  return EXIT.ok
}

function about({ options }: Call, fallbackMs: number): { forSeconds: number; reason?: string } {
  const { message } = options
  return {
    forSeconds: Math.ceil((options.for ?? fallbackMs) / 1000),
    ...(message !== undefined && { reason: message }),
  }
}

function scopeOf(typed: string, option: string | undefined): { namespace: string; slo: string } {
  const { namespace, name } = nameOf(typed, option)
  return { namespace, slo: name }
}

function namespaceOf(namespace: string | undefined): { namespace?: string } {
  return namespace === undefined ? {} : { namespace }
}
