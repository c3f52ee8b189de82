/**
 * `npm run fuzz -- [--runs N] [--seed S] [--path P]`: requests to a real control Worker, made from its own description and sent byte for byte.
 * What is found is told with the seed and the path that lead there again; the exit code is 1 then.
 */
import { parseArgs } from "node:util"
import * as fc from "fast-check"
import { bytesOf, send } from "#attacks/wire.ts"
import { apply } from "#cli/local/seed.ts"
import type { TokenCreated } from "#shared/protocol/control-api.ts"
import { startShop, TOKEN } from "#test/end-to-end/shop-mesh.ts"
import type { Schema } from "./from-schema.ts"
import { type FuzzAnswer, faultsOf } from "./judge.ts"
import { type ApiDocument, type FuzzRequest, requests } from "./requests.ts"

const RUNS = 2_000
/** Stands in the mesh from the beginning; nobody is ever to read it. */
const SECRET = "k3y-that-nobody-reads-back"
const PROGRESS_EVERY = 1_000

interface Summary {
  readonly statuses: Map<number, number>
  /** Refused by the runtime before control saw it, or without an answer because it was no HTTP. */
  elsewhere: number
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: { type: "string" }, seed: { type: "string" }, path: { type: "string" } },
  })
  const numRuns = Number(values.runs ?? RUNS)
  const seed = Number(values.seed ?? Date.now() % 2 ** 31)
  // Busy tokens would only be told that they are.
  const mesh = await startShop([], { "weft-control": { WEFT_ADMIN_RATE: "off" } })
  try {
    const port = Number(new URL(mesh.controlUrl).port)
    const tokens = await prepare(mesh.controlUrl)
    const get = async <T>(path: string) => (await fetch(mesh.controlUrl + path, authorized(TOKEN))).json() as Promise<T>
    const options = {
      api: await get<ApiDocument>("/openapi.json"),
      documents: await get<Schema>("/v1/schema.json"),
      tokens,
      raw: true,
    }
    const summary: Summary = { statuses: new Map(), elsewhere: 0 }
    const secrets = [SECRET, ...tokens]
    const property = fc.asyncProperty(requests(options), async (request) => {
      const faults = await faultsWith(port, request, secrets, summary)
      if (faults.length > 0) throw new Error(`${faults.join("; ")}\n${JSON.stringify(request)}`)
    })
    const startedAtMs = performance.now()
    const result = await fc.check(property, {
      numRuns,
      seed,
      endOnFailure: false,
      ...(values.path !== undefined && { path: values.path }),
    })
    const { statuses, elsewhere } = summary
    const told = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`)
    console.log(
      `${result.numRuns} requests in ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s, seed ${seed}`,
    )
    console.log(`${told.join("  ")}  (refused before control: ${elsewhere})`)
    if (!result.failed) return 0
    console.error(`--seed ${seed} --path ${result.counterexamplePath}`)
    console.error(result.errorInstance instanceof Error ? result.errorInstance.message : result.errorInstance)
    return 1
  } finally {
    await mesh.stop()
  }
}

async function faultsWith(
  port: number,
  request: FuzzRequest,
  secrets: readonly string[],
  summary: Summary,
): Promise<string[]> {
  const { method, target, headers, body } = request
  const isHosted = headers.some(([name]) => name === "host")
  const all = isHosted ? headers : [["host", `127.0.0.1:${port}`] as const, ...headers]
  const bytes = bytesOf({ method, rawPath: target, headers: all, body: body ?? null })
  const { answers } = await send(port, bytes, method)
  // Not the one that only says to go on.
  const answer = answers.find(({ status }) => status >= 200)
  const count = [...summary.statuses.values()].reduce((sum, one) => sum + one, summary.elsewhere)
  if (count % PROGRESS_EVERY === PROGRESS_EVERY - 1) process.stderr.write(`${count + 1} sent\n`)
  const found: FuzzAnswer | undefined = answer && { ...answer, headers: new Map(answer.headers) }
  if (!found?.headers.has("weft-request-id")) {
    // The runtime's own words: it has no others than these, and none where the connection cannot be understood.
    const status = found?.status ?? 0
    summary.elsewhere += 1
    return [0, 400, 413, 431, 500, 501, 505].includes(status) && isOdd(request)
      ? []
      : [`answered ${status}, and not by control`]
  }
  summary.statuses.set(found.status, (summary.statuses.get(found.status) ?? 0) + 1)
  const brought = `${target} ${headers.map(([, value]) => value).join(" ")} ${body}`
  return faultsOf(
    request,
    found,
    secrets.filter((secret) => !brought.includes(secret)),
  )
}

/** What no HTTP client would send, so that the runtime may refuse it. */
function isOdd({ method, target, headers }: FuzzRequest): boolean {
  const framing = headers.some(
    ([name, value]) =>
      /^(host|content-length|transfer-encoding|upgrade|expect|te|connection)$/.test(name) || /[^\x20-\x7e]/.test(value),
  )
  return (
    framing ||
    !/^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/.test(method) ||
    !/^\/[!#-;=?-[\]_a-z~\\^|`{}]*$/.test(target) ||
    target.length > 4_000
  )
}

/** Tokens of all kinds, and a mesh with a secret in it. */
async function prepare(controlUrl: string): Promise<string[]> {
  const make = async (body: object) => {
    const response = await fetch(`${controlUrl}/v1/tokens`, { method: "POST", ...authorized(TOKEN, body) })
    return ((await response.json()) as TokenCreated).token
  }
  const routes = {
    hidden: {
      hosts: ["hidden.example"],
      rules: [{ filters: [{ respond: { status: 200, headers: { "x-api-key": SECRET } } }] }],
    },
  }
  await apply(controlUrl, TOKEN, { documents: [{ source: "fuzz", content: { routes } }] })
  const limited = { role: "operator", namespaces: ["team-a"] }
  return [
    TOKEN,
    TOKEN,
    TOKEN,
    await make({ name: "fuzz-viewer", role: "viewer" }),
    await make({ name: "fuzz-team", ...limited }),
  ]
}

function authorized(token: string, body?: object): RequestInit {
  const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) }
  return { headers, ...(body && { body: JSON.stringify(body) }) }
}

process.exitCode = await main(process.argv.slice(2))
