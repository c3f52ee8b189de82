/** Services that are called past the mesh: a Worker binds another directly, although the proxy binds that one as a service. */
import type { Check, Unwell } from "./checkup-kit.ts"
import { count, plain } from "./output.ts"
import type { BoundService, RawConfig } from "./wrangler-config.ts"

export interface Wired {
  /** As the person named it, for messages. */
  readonly shown: string
  readonly raw: Pick<RawConfig, "name" | "services">
}

/** `control` binds the proxy's prober and is not among the services. */
export function checkWiring(proxy: Wired, services: readonly Wired[]): Check[] {
  const { name: mesh = "" } = proxy.raw
  const meshed = new Set((proxy.raw.services ?? []).map(({ service }) => service).filter((name) => name !== mesh))
  const callers = services.filter(({ raw }) => raw.name !== mesh)
  const found = callers.flatMap((caller) =>
    (caller.raw.services ?? []).flatMap((binding) => wrongWith(caller, binding, mesh, meshed)),
  )
  if (found.length > 0) return found
  const through = callers.flatMap(({ raw }) => raw.services ?? []).filter(({ service }) => service === mesh).length
  const lead = through === 1 ? "leads" : "lead"
  const message = `${count(callers.length, "Worker")} read: ${
    through === 0
      ? "none calls a service of the mesh"
      : `${count(through, "binding")} ${lead} through the mesh, none past it`
  }`
  return [{ section: "wiring", rule: "wiring", state: "ok", message }]
}

function wrongWith(
  { shown, raw: { name = "" } }: Wired,
  bound: BoundService,
  mesh: string,
  meshed: ReadonlySet<string>,
): Unwell[] {
  const { binding, service, entrypoint, props } = bound
  const about = { section: "wiring", path: `${plain(shown)}: ${plain(binding)}` } as const
  if (service !== mesh) {
    if (service === name || !meshed.has(service)) return []
    const message = `${plain(name)} calls ${plain(service)} directly, past the mesh: no route, policy, retry or count of it applies`
    const hint = `bind { binding = "${plain(binding)}", service = "${plain(mesh)}", entrypoint = "Sidecar", props = { from = "${plain(name)}", to = "${plain(service)}" } }`
    return [{ ...about, rule: "past-mesh", state: "warning", message, hint }]
  }
  if (entrypoint !== "Sidecar" || typeof props?.from === "string") return []
  const message = `${plain(name)} calls the mesh without saying who it is: each request is refused, unauthenticated`
  return [
    {
      ...about,
      rule: "no-identity",
      state: "problem",
      message,
      hint: `add props = { from = "${plain(name)}", … } to the binding`,
    },
  ]
}
