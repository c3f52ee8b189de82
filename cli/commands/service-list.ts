/** `weft service list`: services, and whether the proxies that run have what it takes to reach them. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { columnsOf, specOf } from "#cli/kinds.ts"
import { painter, plain, print, table } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import type { Status } from "#shared/protocol/control-api.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const client = clientFor(call)
  const query = { kind: "Service", ...(options.namespace === undefined ? {} : { namespace: options.namespace }) }
  const [found, status] = await Promise.all([client.resources(query), client.status()])
  if (failed(found)) return report(io, found)
  if (failed(status)) return report(io, status)
  const services = found.resources.map(({ namespace, name, spec }) => ({
    namespace,
    name,
    spec,
    missing: status.unbound.filter(({ service }) => service === `${namespace}/${name}`).map(({ binding }) => binding),
  }))
  const columns = columnsOf("Service")
  const paint = painter(io, io.out)
  await print(io, call.format, { services }, () => {
    if (services.length === 0) return "there are no services yet\n"
    const rows = services.map((service, index) => [
      plain(service.namespace),
      plain(service.name),
      ...columns.map(([, cell]) => cell(specOf(found.resources[index]!))),
      service.missing.length > 0 ? paint("yellow", `missing ${service.missing.map(plain).join(", ")}`) : known(status),
    ])
    return table(["NAMESPACE", "NAME", ...columns.map(([name]) => name), "BINDINGS"], rows)
  })
  return EXIT.ok
}

/** With no isolate alive nobody has said which bindings there are. */
function known(status: Status): string {
  return status.isolates.some((isolate) => isolate.bindings !== undefined) ? "bound" : "unknown"
}
