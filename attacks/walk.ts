/** A real mesh whose gateway and service keep people away from `/admin`, and what arrives behind it of requests that want to go there. */
import * as fc from "fast-check"
import type { MeshDocument } from "#shared/model/document.ts"
import type { AttackRequest } from "./case.ts"
import { GUARDED, GUARDED_HOST, OPEN } from "./guarded.ts"
import { isBelow, reaches } from "./readings.ts"
import type { Arrival } from "./upstream.ts"
import { headersTo, pathsTo, TOLD_OF } from "./ways.ts"
import { answerOf, bytesOf, send } from "./wire.ts"
import { bindingOf, startWorld, type World } from "./world.ts"

export interface Walked {
  readonly sent: number
  /** By status; 0 for no answer. */
  readonly statuses: ReadonlyMap<number, number>
  readonly arrived: number
  readonly breaches: readonly string[]
}

const AT_ONCE = 16

/** Half of the requests with the upstream behind a binding, half with it behind a URL. */
export async function walk(
  count: number,
  seed: number,
  alsoRead: (target: string) => Promise<string | undefined>,
): Promise<Walked> {
  const world = await startWorld()
  const requests = fc.sample(aRequest, { seed, numRuns: count })
  const middle = Math.ceil(count / 2)
  const statuses = new Map<number, number>()
  const arrivals: Arrival[] = []
  try {
    for (const [place, some] of [
      [{ binding: bindingOf("upstream") }, requests.slice(0, middle)],
      [{ url: world.origin.urlOf("upstream") }, requests.slice(middle)],
    ] as const) {
      await world.apply(documentOf(place))
      await world.drain()
      await sendAll(world, some, statuses)
      arrivals.push(...(await world.drain()))
    }
  } finally {
    await world.stop()
  }
  const breaches: string[] = []
  for (const arrival of arrivals) breaches.push(...(await breachesBy(arrival, alsoRead)))
  return { sent: count, statuses, arrived: arrivals.length, breaches }
}

/** The gateway sees paths before they are rewritten, the service those that are sent to it: each has to hold by itself. */
function documentOf(upstream: object): MeshDocument {
  const rules = [{ to: [{ paths: [{ prefix: `/${GUARDED}` }] }] }]
  const backends = [{ service: "upstream" }]
  return {
    services: { upstream },
    routes: {
      app: { hosts: ["app.test"], rules: [{ match: { path: "/" }, backends }] },
      moved: {
        hosts: ["moved.test"],
        rules: [{ match: { path: "/app" }, filters: [{ rewrite: { path: { prefix: "/" } } }], backends }],
      },
    },
    policies: {
      door: { gateways: ["default"], action: "deny", rules },
      inside: { services: ["upstream"], action: "deny", rules },
    },
  }
}

async function sendAll(world: World, requests: readonly AttackRequest[], statuses: Map<number, number>): Promise<void> {
  const left = requests.values()
  const worker = async () => {
    for (const request of left) {
      const { status } = answerOf(await send(world.ingressPort, bytesOf(request), request.method))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

const PREFLIGHT = [
  ["Origin", "https://a.test"],
  ["Access-Control-Request-Method", "GET"],
] as const
const UPGRADE = [
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="],
] as const

const aRequest: fc.Arbitrary<AttackRequest> = fc
  .record({
    mount: fc.oneof(
      { weight: 6, arbitrary: fc.constant(undefined) },
      { weight: 4, arbitrary: fc.constantFrom("/app", "/app/", "/app/..", "/ap%70") },
    ),
    path: pathsTo(GUARDED, OPEN),
    form: fc.constantFrom("", "", "", "", "", "", "", "", "", "http://app.test"),
    method: fc.constantFrom("GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "get"),
    misleading: headersTo(GUARDED, GUARDED_HOST),
    asks: fc.constantFrom([], [], [], PREFLIGHT, UPGRADE),
  })
  .map(({ mount, path, form, method, misleading, asks }) => ({
    method,
    // As servers of our own would get it: one byte a character, what has more as UTF-8.
    rawPath: Buffer.from(`${form}${mount ?? ""}${path}`).toString("latin1"),
    headers: [["Host", mount === undefined ? "app.test" : "moved.test"], ...asks, ...misleading],
    body: null,
  }))

async function breachesBy(
  { target, headers }: Arrival,
  alsoRead: (target: string) => Promise<string | undefined>,
): Promise<string[]> {
  const breaches: string[] = []
  const reached = reaches(target, [`/${GUARDED}`])
  if (reached) breaches.push(`${target} is ${reached.path} to ${reached.of}`)
  const read = await alsoRead(target)
  if (read !== undefined && isBelow(read, `/${GUARDED}`)) breaches.push(`${target} is ${read} to nginx itself`)
  for (const [name, value] of headers) {
    const isTold = TOLD_OF.some((known) => known === name.replace(/[_.]/g, "-"))
    if (isTold && value.includes(GUARDED)) breaches.push(`${name}: ${value} arrived with ${target}`)
  }
  return breaches
}
