/** `weft get`: resources as a list, or one as it was written. */
import { noteLines } from "#cli/changes.ts"
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { addressOf, columnsOf, documentOf, specOf } from "#cli/kinds.ts"
import { plain, print, table, yaml } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import type { Resource } from "#shared/model/document.ts"
import type { ResourceList } from "#shared/protocol/control-api.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io, args, options } = call
  const asked = addressOf(args, options.namespace)
  if (failed(asked)) return report(io, asked, "nothing was asked")
  const { kind, namespace, name } = asked
  const client = clientFor(call)
  const query = {
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...asked,
    ...(options.revision === undefined ? {} : { revision: options.revision }),
  }
  const found = await client.resources(query)
  if (failed(found)) return report(io, found)
  if (name !== undefined && found.resources.length === 0) {
    const message = `there is no ${kind} ${namespace}/${name} in revision ${found.revision}`
    return report(io, { exit: EXIT.problems, message, hint: `\`weft get ${kind}\` lists what there is` })
  }
  const one = name !== undefined && found.resources.length === 1 ? await oneText(found.resources[0]!, found) : undefined
  await print(io, call.format, found, () => one ?? listText(found.resources, kind))
  if (found.resources.length === 0 && call.format === "table") io.err.write("there is none\n")
  return EXIT.ok
}

/** As a document that can be edited and applied again. */
async function oneText(resource: Resource, { revision, notes = [] }: ResourceList): Promise<string> {
  const noted = noteLines(notes, (_, text) => text).replace(/^(?=.)/gm, "# ")
  return `# revision ${revision}; since revision ${resource.since}\n${noted}${await yaml(documentOf(resource))}`
}

function listText(resources: readonly Resource[], kind: string | undefined): string {
  if (resources.length === 0) return ""
  const columns = columnsOf(kind)
  const header = [
    ...(columns.length > 0 ? [] : ["KIND"]),
    "NAMESPACE",
    "NAME",
    ...columns.map(([name]) => name),
    "SINCE",
  ]
  const rows = resources.map((resource) => [
    ...(columns.length > 0 ? [] : [plain(resource.kind)]),
    plain(resource.namespace),
    plain(resource.name),
    ...columns.map(([, cell]) => cell(specOf(resource))),
    String(resource.since),
  ])
  return table(header, rows)
}
