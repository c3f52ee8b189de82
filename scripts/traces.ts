/**
 * `npm run traces`: one request through four hops, whose spans go to the OTLP receiver of the OpenTelemetry Collector; prints the trace
 * that it took as a tree. Exits with 1 when it did not take all of it, or when it is not one connected trace. Needs Go, which builds
 * the receiver at the first time; `--receiver FILE` takes one that is built.
 */

import { execFileSync, spawn } from "node:child_process"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import { freePort } from "#scripts/free-ports.ts"
import { type ReceivedSpan, readSpans, treeOf } from "#test/support/otlp.ts"
import { CHAIN, startTracedChain } from "#test/support/traced-chain.ts"

const HOPS = 4
const WAIT_MS = 15_000
const KINDS = ["", "internal", "server", "client"]

const { values } = parseArgs({ options: { receiver: { type: "string" } } })
const address = `127.0.0.1:${await freePort()}`
const receiver = spawn(values.receiver ?? (await built()), [address], { stdio: ["ignore", "pipe", "inherit"] })
const spans: ReceivedSpan[] = []
createInterface(receiver.stdout).on("line", (line) => spans.push(...readSpans(JSON.parse(line))))
await listening(address)
const fleet = await startTracedChain(`http://${address}`, { WEFT_TRACE_PERCENT: "100" })
try {
  await fleet.apply(CHAIN)
  for (let status = 0; status !== 200; ) ({ status } = await fleet.request("weft", "/quiet"))
  const response = await fleet.request("weft", "/items/7?fail=1")
  const { traceparent } = (await response.json()) as { traceparent: string }
  const traceId = traceparent.split("-")[1]!
  const expected = HOPS * 2 + 1
  const mine = () => spans.filter((span) => span.traceId === traceId)
  for (let waitedMs = 0; mine().length < expected && waitedMs < WAIT_MS; waitedMs += 50) await sleep(50)
  console.log(`trace ${traceId}: ${mine().length} spans of ${expected} over ${HOPS} hops, as the collector took them\n`)
  console.log(treeOf(mine(), shown).join("\n"))
  if (mine().length !== expected) process.exitCode = 1
} finally {
  await fleet.stop()
  receiver.kill()
}

function shown({ name, service, kind, startMs, endMs, failed, attributes, events }: ReceivedSpan): string {
  const to = attributes["weft.to"] === undefined ? "" : ` -> ${attributes["weft.to"]}`
  const told = events.map((event) => ` [${event.name} ${JSON.stringify(event.attributes)}]`).join("")
  return `${name} (${service}, ${KINDS[kind]})${to} ${endMs - startMs} ms${failed ? " failed" : ""}${told}`
}

async function built(): Promise<string> {
  const binary = join(await mkdtemp(join(tmpdir(), "weft-otlp-")), "otlp-receiver")
  execFileSync("go", ["build", "-o", binary, "."], { cwd: "scripts/otlp-receiver", stdio: "inherit" })
  return binary
}

async function listening(address: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += 50) {
    const answer = await fetch(`http://${address}/`).catch(() => undefined)
    if (answer) return
    await sleep(50)
  }
  throw new Error("the receiver does not listen")
}
