/** `weft explain`: where a request would go, and why. Control tells by the mesh's revisions; documents are explained offline. */
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { loadDocuments } from "#cli/documents.ts"
import { explainText } from "#cli/explain-text.ts"
import { painter, print } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import type { Header } from "#shared/model/route.ts"
import type { DescribedRequest, Explained } from "#shared/protocol/explain.ts"
import { parseMemberPath } from "#shared/std/member-path.ts"

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
  return explain({ revision: 0, snapshot: result.snapshot, nowMs: io.nowMs() }, request)
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
  const user = userOf(options)
  if (user && failed(user)) return user
  const { keyOwner, keyScope: scopes = [], address } = options
  const key = keyOwner === undefined && scopes.length === 0 ? undefined : { id: "", owner: keyOwner ?? "", scopes }
  const given = { url, method, gateway, from, to, rpc, user, key, address, dice }
  const known = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...Object.fromEntries(known), ...(headers.length > 0 && { headers }) }
}

function userOf({ principal, claim = [] }: Call["options"]): DescribedRequest["user"] | Failure {
  if (principal === undefined && claim.length === 0) return undefined
  // As policies divide it: an issuer is often a URL.
  const slash = principal?.lastIndexOf("/") ?? -1
  if (principal !== undefined && slash <= 0) return usage(`--principal is <issuer>/<subject>, not ${principal}`)
  const claims: Record<string, unknown> = {}
  for (const text of claim) {
    const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? []
    const path = parseMemberPath(name)
    if (!path) return usage(`a claim is 'name=value' or 'name.name=value', not ${JSON.stringify(text)}`)
    addClaim(claims, path, value)
  }
  return { issuer: principal?.slice(0, slash) ?? "", subject: principal?.slice(slash + 1) ?? "", claims }
}

/** A name that is given again makes a list. */
function addClaim(claims: Record<string, unknown>, [name = "", ...rest]: readonly string[], value: string): void {
  const found = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (rest.length > 0) {
    const inner = typeof found === "object" && !Array.isArray(found) ? (found as Record<string, unknown>) : {}
    addClaim(inner, rest, value)
    claims[name] = inner
  } else claims[name] = found === undefined ? value : [...(Array.isArray(found) ? found : [found]), value]
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
