/** `weft explain`: where a request would go, and why. Control tells by the mesh's revisions; documents are explained offline. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { loadDocuments } from "#cli/documents.ts"
import { explainText } from "#cli/explain-text.ts"
import { painter, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import type { Header } from "#shared/model/route.ts"
import type { DescribedRequest, Explained } from "#shared/protocol/explain.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const request = describe(call)
  if (failed(request)) return report(io, request, "nothing was explained")
  const told = options.file ? await explainFiles(call, options.file, request) : await askControl(call, request)
  if (failed(told)) return report(io, told, "nothing was explained")
  await print(io, call.format, told, () => explainText(told, painter(io, io.out)))
  return EXIT.ok
}

function askControl(call: Call, request: DescribedRequest): Promise<Explained | Failure> {
  const { revision } = call.options
  return clientFor(call).explain({ request, ...(revision !== undefined && { revision }) })
}

/** As if the documents were the whole mesh. */
async function explainFiles(
  { io, options }: Call,
  files: readonly string[],
  request: DescribedRequest,
): Promise<Explained | Failure> {
  if (options.revision !== undefined) return usage("--revision and --file exclude each other")
  const loaded = await loadDocuments(io, files)
  const [{ compile }, { explain }] = await Promise.all([
    import("#shared/config/compile.ts"),
    import("#shared/exchange/explain.ts"),
  ])
  const result = compile([], { documents: loaded.documents, prune: true, revision: 1 })
  const found = "problems" in result ? loaded.place(result.problems) : []
  const problems = [...loaded.problems, ...found]
  if (problems.length > 0 || "problems" in result) {
    return { exit: EXIT.problems, message: "the documents have problems", problems }
  }
  return explain({ revision: 0, snapshot: result.snapshot }, request)
}

function describe({ args: [url], options }: Call): DescribedRequest | Failure {
  const { method, gateway, from, to, rpc } = options
  if (url === undefined && rpc === undefined && to === undefined) return usage("explain which request?")
  if (gateway !== undefined && (from ?? to ?? rpc) !== undefined)
    return usage("a request comes in by a gateway or from a service: --gateway excludes --from, --to and --rpc")
  if ((to ?? rpc) !== undefined && from === undefined)
    return usage("who calls? only a service of the mesh has a binding: add --from <service>")
  const headers: Header[] = []
  for (const text of options.header ?? []) {
    const header = headerOf(text)
    if (failed(header)) return header
    headers.push(header)
  }
  const dice = options.dice === undefined ? undefined : Number(options.dice)
  if (dice !== undefined && !(dice >= 0 && dice < 1)) return usage(`--dice is from 0 to below 1, not ${options.dice}`)
  const given = { url, method, gateway, from, to, rpc, dice }
  const known = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...Object.fromEntries(known), ...(headers.length > 0 && { headers }) }
}

/** As curl takes them: `name: value`, or `name;` for an empty value. */
function headerOf(text: string): Header | Failure {
  const [, name, value] = /^([^:;\s]+)(?::\s*(.*)|;)$/s.exec(text) ?? []
  return name === undefined
    ? usage(`a header is 'name: value', not ${JSON.stringify(text)}`)
    : { name, value: value ?? "" }
}

function usage(message: string): Failure {
  return { exit: EXIT.usage, message, hint: "weft explain http://shop.example.com/orders -H 'x-canary: always'" }
}
