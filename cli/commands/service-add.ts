/** `weft service add`: the proxy's half of joining the mesh is written; the caller's half is printed, ready to paste. */
import { bindingName } from "#cli/bindings.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { nameOf } from "#cli/kinds.ts"
import { painter, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import { entryText, type ServiceEntry } from "#cli/text-edit.ts"
import { addService, bindingOf, readConfig, type WranglerConfig } from "#cli/wrangler-config.ts"
import { reservedBinding } from "#shared/config/checks.ts"
import { isLabel } from "#shared/model/names.ts"

interface Wanted {
  readonly namespace: string
  readonly name: string
  readonly subset: string | undefined
  readonly entry: ServiceEntry
}

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const wanted = wantedOf(call)
  if (failed(wanted)) return report(io, wanted)
  const config = await readConfig(io.cwd, options.config ?? ".")
  if (failed(config)) return report(io, config)
  const state = stateOf(config, wanted.entry)
  if (failed(state)) return report(io, state)
  const problem = state === "new" ? await addService(config, wanted.entry) : undefined
  if (problem) return report(io, problem)

  const caller = callerBinding(config, wanted)
  const result = { config: config.shown, added: state === "new", entry: wanted.entry, caller }
  await print(io, call.format, result, () => {
    const { binding, service } = wanted.entry
    const bold = painter(io, io.out)
    const done = state === "new" ? `${config.shown} now binds` : `${config.shown} already binds`
    return `${done} ${bold("bold", binding)} to the Worker ${service}.\n\n${instructions(caller, wanted)}`
  })
  return EXIT.ok
}

function wantedOf({ args, options }: Call): Wanted | Failure {
  const { namespace, name } = nameOf(args[0]!, options.namespace)
  const labels = [namespace, name, ...(options.subset === undefined ? [] : [options.subset])]
  const bad = labels.find((label) => !isLabel(label))
  if (bad !== undefined)
    return { exit: EXIT.usage, message: `"${bad}" must be lower-case letters, digits and dashes, at most 63` }
  if (!options.worker)
    return { exit: EXIT.usage, message: "which Worker is it?", hint: `weft service add ${args[0]} --worker <its name>` }
  const binding = bindingName(namespace, name, options.subset)
  const reserved = reservedBinding(binding)
  if (reserved) return { exit: EXIT.usage, message: reserved.message, hint: "give the service another name" }
  const entrypoint = options.entrypoint === undefined ? {} : { entrypoint: options.entrypoint }
  return { namespace, name, subset: options.subset, entry: { binding, service: options.worker, ...entrypoint } }
}

/** Whether the entry is there already; a failure when its name is taken or the config is not the proxy's. */
function stateOf(config: WranglerConfig, entry: ServiceEntry): "new" | "present" | Failure {
  if (config.raw.name === entry.service)
    return {
      exit: EXIT.problems,
      message: `${config.shown} is the config of the Worker ${entry.service} itself`,
      hint: "the binding belongs into the proxy's config; --config names it",
    }
  const taken = bindingOf(config.raw, entry.binding)
  if (!taken) return "new"
  const { service, entrypoint } = taken.value as Partial<ServiceEntry>
  if (taken.kind === "services" && service === entry.service && entrypoint === entry.entrypoint) return "present"
  const what = taken.kind === "services" ? `the Worker ${service}${entrypoint ? ` (${entrypoint})` : ""}` : taken.kind
  return {
    exit: EXIT.problems,
    message: `${config.shown} already uses the name ${entry.binding} for ${what}`,
    hint: "change or remove that entry first",
  }
}

/** What a caller writes instead of its direct binding: the same name in its code, the mesh behind it. */
function callerBinding(config: WranglerConfig, { namespace, name }: Wanted): object {
  const to = namespace === "default" ? name : `${namespace}/${name}`
  return {
    binding: bindingName("default", name, undefined),
    service: config.raw.name ?? "weft",
    entrypoint: "Sidecar",
    props: { from: "<caller>", to },
  }
}

function instructions(caller: object, { namespace, name, subset }: Wanted): string {
  const subsets = subset === undefined ? "{}" : `{ subsets: { ${subset}: {} } }`
  const inNamespace = namespace === "default" ? "" : `namespace: ${namespace}\n  `
  return `Declare it in the mesh's document:

  ${inNamespace}services: { ${name}: ${subsets} }

In each caller's wrangler config, with the caller's own name for <caller>:

  jsonc  "services": [${entryText("json", caller)}]
  toml   services = [${entryText("toml", caller)}]

Then deploy: weft deploy
`
}
