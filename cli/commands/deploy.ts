/** `weft deploy`: control, services on demand, the proxy; with stubs for what does not exist yet on a first deploy. */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { type Call, EXIT, type ExitCode, type Failure, failed } from "#cli/command.ts"
import { type Deployable, deployable, orderOf, type Stub, stubSource, stubsFor } from "#cli/deploy-plan.ts"
import { painter, table } from "#cli/output.ts"
import { during } from "#cli/progress.ts"
import { report } from "#cli/report.ts"
import { readConfig } from "#cli/wrangler-config.ts"

/** The platform's words for a Worker that is not there: bound by another, or asked for by name. */
const MISSING = /\bcode: (10143|10007|10090)\b/
const OUTPUT_LINES_MAX = 40

export async function run(call: Call): Promise<ExitCode> {
  const { io, options } = call
  const order = await readOrder(call)
  if (failed(order)) return report(io, order, "nothing was deployed")
  if (options.dryRun || io.out.terminal) io.out.write(planText(call, order))
  const outcome = options.dryRun ? await rehearse(call, order) : await deployAll(call, order)
  if (outcome) return report(io, outcome)
  io.out.write(options.dryRun ? "dry run: nothing was deployed\n" : nextSteps(call, order))
  return EXIT.ok
}

async function readOrder(call: Call): Promise<Deployable[] | Failure> {
  const { io, options } = call
  const proxy = await readConfig(io.cwd, options.config ?? ".")
  if (failed(proxy)) return proxy
  const beside = join(dirname(proxy.path), "workers", "control")
  const control = await readConfig(io.cwd, options.control ?? beside, "--control names control's wrangler config")
  if (failed(control)) return control
  const services: Deployable[] = []
  for (const path of options.services ?? []) {
    const service = await readConfig(io.cwd, path, "--services takes folders with a wrangler config, or configs")
    if (failed(service)) return service
    services.push(deployable(service))
  }
  const order = orderOf(deployable(control), services, deployable(proxy))
  const unnamed = order.find(({ name }) => name === "")
  if (unnamed) return { exit: EXIT.problems, message: `${unnamed.config.shown} has no "name"` }
  const twice = order.find((one, index) => order.findIndex(({ name }) => name === one.name) !== index)
  if (twice) return { exit: EXIT.problems, message: `two configs have the name ${twice.name}` }
  return order
}

function planText({ io }: Call, order: readonly Deployable[]): string {
  const rows = order.map(({ name, config, binds }, index) => [
    String(index + 1),
    name,
    config.shown,
    [...binds.keys()].join(", "),
  ])
  const stubs = stubsFor(order).map(({ name, entrypoints }) =>
    entrypoints.length === 0 ? name : `${name} (${entrypoints.join(", ")})`,
  )
  const paint = painter(io, io.out)
  const note = stubs.length === 0 ? "" : `stubs first, for those that do not exist yet: ${stubs.join(", ")}\n`
  return `${table(["", "WORKER", "CONFIG", "BINDS"], rows)}${paint("dim", note)}\n`
}

/** Offline: wrangler bundles and validates each Worker and uploads none. */
async function rehearse(call: Call, order: readonly Deployable[]): Promise<Failure | undefined> {
  for (const one of order) {
    const step = call.io.wrangler(dirname(one.config.path), ["deploy", "--dry-run", "--config", one.config.path])
    const result = await during(call.io, `checking ${one.name}`, step)
    if (!result.ok) return wranglerFailure(one.name, "check", result.output)
    const size = /Total Upload: ([^\n/]+?) \/ gzip: ([^\n]+)/.exec(result.output)
    call.io.out.write(`${one.name}  builds${size ? `, ${size[1]} (${size[2]!.trim()} compressed)` : ""}\n`)
  }
  return undefined
}

async function deployAll(call: Call, order: readonly Deployable[]): Promise<Failure | undefined> {
  if (call.options.first) {
    const failure = await uploadStubs(call, stubsFor(order), order)
    if (failure) return failure
  }
  for (const [index, one] of order.entries()) {
    const deploy = () => wranglerDeploy(call, one.name, one.config.path, `${index + 1} of ${order.length}`)
    let result = await deploy()
    if (!result.ok && MISSING.test(result.output)) {
      const bound = stubsFor(order).filter((stub) => one.binds.has(stub.name))
      const failure = await uploadStubs(call, bound, order)
      if (failure) return failure
      result = await deploy()
    }
    if (!result.ok) return wranglerFailure(one.name, "deploy", result.output)
    const url = /https:\/\/\S+/.exec(result.output)?.[0]
    call.io.out.write(`${painter(call.io, call.io.out)("green", "deployed")} ${one.name}${url ? `  ${url}` : ""}\n`)
  }
  return undefined
}

/** Only where there is no Worker of that name: a stub must never take the place of a real one. */
async function uploadStubs(
  call: Call,
  stubs: readonly Stub[],
  order: readonly Deployable[],
): Promise<Failure | undefined> {
  const proxy = order.at(-1)!.config
  for (const stub of stubs) {
    const look = call.io.wrangler(dirname(proxy.path), ["deployments", "list", "--name", stub.name, "--json"])
    const found = await during(call.io, `looking for ${stub.name}`, look)
    if (found.ok) continue
    if (!MISSING.test(found.output)) return wranglerFailure(stub.name, "look for", found.output)
    const folder = await mkdtemp(join(tmpdir(), "weft-stub-"))
    try {
      const { compatibility_date, account_id } = proxy.raw
      const config = { name: stub.name, main: "stub.mjs", compatibility_date, account_id, workers_dev: false }
      await writeFile(join(folder, "stub.mjs"), stubSource(stub))
      await writeFile(join(folder, "wrangler.json"), JSON.stringify(config))
      const result = await wranglerDeploy(call, stub.name, join(folder, "wrangler.json"), "stub")
      if (!result.ok) return wranglerFailure(stub.name, "upload a stub of", result.output)
    } finally {
      await rm(folder, { recursive: true })
    }
    const replaced = order.some(({ name }) => name === stub.name)
    const until = replaced ? "" : "; it answers 503 until it is deployed"
    call.io.out.write(`stub     ${stub.name}${until}\n`)
  }
  return undefined
}

function wranglerDeploy(call: Call, name: string, config: string, which: string) {
  const step = call.io.wrangler(dirname(config), ["deploy", "--config", config])
  return during(call.io, `deploying ${name} (${which})`, step)
}

function wranglerFailure(name: string, verb: string, output: string): Failure {
  const lines = output.trim().split("\n").slice(-OUTPUT_LINES_MAX)
  const login = /CLOUDFLARE_API_TOKEN|not authenticated|not logged in/i.test(output)
  return {
    exit: login ? EXIT.forbidden : EXIT.problems,
    message: `wrangler could not ${verb} ${name}:\n${lines.map((line) => `  | ${line}`).join("\n")}`,
    ...(login ? { hint: "`npx wrangler login`, or set CLOUDFLARE_API_TOKEN" } : {}),
  }
}

function nextSteps({ options }: Call, order: readonly Deployable[]): string {
  if (!options.first) return ""
  return `
Control takes no request without a token. Give it its first one:
  npx wrangler secret put WEFT_ADMIN_TOKEN --config ${order[0]!.config.shown}
Then say where it is, and apply:
  export WEFT_URL=<the address of ${order[0]!.name}> WEFT_TOKEN=<that token>
  weft apply -f mesh.yaml --wait
`
}
