/**
 * An issuer of tokens whose keys rotate, and that is down, slow, huge or wrong for a while, under load: of people with good tokens, who
 * should notice nothing of it, and of strangers whose tokens name keys that nobody has. A real mesh on workerd, in real time.
 * Usage: `node bench/issuer.ts --seconds 40` (of each phase; what is remembered for minutes shows with 400).
 */
import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { parseArgs } from "node:util"
import { say } from "#scripts/progress.ts"
import type { MeshDocument } from "#shared/model/document.ts"
import { makeSigner, type Signer } from "#test/support/tokens.ts"
import { startTestMesh } from "#test/workers/proxy/mesh.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "40" },
    people: { type: "string", default: "8" },
    strangers: { type: "string", default: "4" },
  },
})
const PHASE_MS = Number(values.seconds) * 1000
const ISSUER = "https://issuer.test"

type Behaviour = "well" | "rotating" | "down" | "slow" | "huge" | "wrong" | "well again"
const PHASES: readonly Behaviour[] = ["well", "rotating", "down", "slow", "huge", "wrong", "rotating", "well again"]

const first = await makeSigner("ES256", "key-0")
const stranger = await makeSigner("ES256", "key-0")
let published: readonly Signer[] = [first]
let signing = first
let behaviour: Behaviour = "well"
let fetches = 0

const publisher = createServer((_, response) => {
  fetches += 1
  publish(response)
}).listen(0, "127.0.0.1")
await once(publisher, "listening")
const { port } = publisher.address() as AddressInfo

function publish(response: ServerResponse): void {
  const keys = JSON.stringify({ keys: published.map(({ jwk }) => jwk) })
  if (behaviour === "down") response.writeHead(503).end()
  else if (behaviour === "slow") setTimeout(() => response.end(keys), 30_000)
  else if (behaviour === "huge") response.end(JSON.stringify({ keys: [], padding: "x".repeat(10_000_000) }))
  else if (behaviour === "wrong") response.end("<html>sign in</html>")
  else response.end(keys)
}

const DOCUMENT: MeshDocument = {
  services: { echo: {} },
  routes: {
    revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
    app: { hosts: ["app.test"], rules: [{ backends: [{ service: "echo" }] }] },
  },
  authentication: {
    users: { services: ["echo"], jwt: [{ issuer: ISSUER, audiences: ["app"], jwks: `http://127.0.0.1:${port}/jwks` }] },
  },
}

interface Counts {
  readonly statuses: Map<number, number>
  readonly tookMs: number[]
}

const mesh = await startTestMesh(DOCUMENT)
try {
  print("phase", ["fetches", "people", "p50 ms", "p99", "max", "strangers", "p50 ms", "max"])
  for (const phase of PHASES) await run(phase)
} finally {
  await mesh.stop()
  publisher.closeAllConnections()
  publisher.close()
}

async function run(phase: Behaviour): Promise<void> {
  say(`${phase}, of ${values.seconds} s`)
  behaviour = phase
  fetches = 0
  const endsAtMs = Date.now() + PHASE_MS
  const people: Counts = { statuses: new Map(), tookMs: [] }
  const strangers: Counts = { statuses: new Map(), tookMs: [] }
  const work = [
    ...Array.from({ length: Number(values.people) }, () => load(endsAtMs, people, () => signing.sign(claims()))),
    ...Array.from({ length: Number(values.strangers) }, () => load(endsAtMs, strangers, unknownToken)),
    ...(phase === "rotating" ? [rotate(endsAtMs)] : []),
  ]
  await Promise.all(work)
  const ofPeople = [told(people), at(people, 0.5), at(people, 0.99), at(people, 1)]
  print(phase, [`${fetches}`, ...ofPeople, told(strangers), at(strangers, 0.5), at(strangers, 1)])
}

function print(phase: string, cells: readonly string[]): void {
  const widths = [9, 20, 8, 8, 8, 22, 8, 8]
  console.log(phase.padEnd(11) + cells.map((cell, index) => cell.padStart(widths[index]!)).join(""))
}

/** A new key is published half a minute before it is used, as issuers do; the one before goes when it is not used any more. */
async function rotate(endsAtMs: number): Promise<void> {
  for (let index = published.length; Date.now() < endsAtMs - 31_000; index++) {
    const next = await makeSigner("ES256", `key-${Date.now()}-${index}`)
    published = [signing, next]
    await new Promise((resolve) => setTimeout(resolve, 31_000))
    signing = next
  }
}

async function load(endsAtMs: number, { statuses, tookMs }: Counts, token: () => Promise<string>): Promise<void> {
  while (Date.now() < endsAtMs) {
    const authorization = `Bearer ${await token()}`
    const startedMs = performance.now()
    const { status } = await mesh.raw({ target: "/", headers: [["authorization", authorization]] })
    tookMs.push(performance.now() - startedMs)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function claims(): object {
  const now = Math.floor(Date.now() / 1000)
  return { iss: ISSUER, aud: "app", sub: "alice", iat: now, exp: now + 60 }
}

function unknownToken(): Promise<string> {
  return stranger.sign(claims(), { kid: crypto.randomUUID() })
}

function told({ statuses }: Counts): string {
  return [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, times]) => `${times} x ${status}`)
    .join(", ")
}

function at({ tookMs }: Counts, share: number): string {
  const sorted = tookMs.toSorted((a, b) => a - b)
  return (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0)
}
