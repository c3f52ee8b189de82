/** `weft status`: what the mesh is at, and who serves it. */
import { breakerText } from "#cli/breaker-text.ts"
import { clientFor } from "#cli/client.ts"
import { type Call, EXIT, type ExitCode, failed } from "#cli/command.ts"
import { age, count, facts, type Paint, painter, plain, print, table } from "#cli/output.ts"
import { report } from "#cli/report.ts"
import { runningText } from "#cli/rollout.ts"
import type { Status } from "#shared/protocol/control-api.ts"
import type { IsolateStatus, OutlierReport } from "#shared/protocol/route-table.ts"

export async function run(call: Call): Promise<ExitCode> {
  const { io } = call
  const client = clientFor(call)
  const status = await client.status()
  if (failed(status)) return report(io, status)
  const paint = painter(io, io.out)
  await print(io, call.format, status, () => statusText(status, io.nowMs(), paint))
  return EXIT.ok
}

function statusText(status: Status, nowMs: number, paint: Paint): string {
  // What is under guard is not everybody's: isolates are to serve the revision before it.
  const head = status.rollout?.stable ?? status.head?.revision ?? 0
  const summary = facts([
    ["head", headText(status, nowMs, paint)],
    ...(status.rollout ? [["guard", paint("yellow", runningText(status.rollout, nowMs))] as [string, string]] : []),
    ["mesh", `${count(status.services, "service")}, ${count(status.routes, "route")}`],
    ["isolates", isolatesText(status, head, paint)],
    ...healthFact(status.health, paint),
    ...relaysRow(status.relays, head, paint),
    ...missedRow(status.floorsMissed, paint),
    ...status.unbound.map(({ service, binding }, index): [string, string] => [
      index === 0 ? "unbound" : "",
      `${paint("yellow", plain(service))} needs the binding ${plain(binding)} on the proxy`,
    ]),
  ])
  const breakers = table(
    ["SERVICE", "BREAKER"],
    status.breakers.map((breaker) => [plain(breaker.cluster), breakerText(breaker, nowMs, paint)]),
  )
  const outliers = table(["SERVICE", "ENDPOINT", "OUTLIER"], outlierRows(status.isolates, paint))
  const ill = healthRows(status.health, nowMs, paint)
  const parts = [
    summary,
    ...(status.breakers.length > 0 ? [breakers] : []),
    ...(ill.length > 0 ? [table(["SERVICE", "ENDPOINT", "HEALTH"], ill)] : []),
    ...(status.isolates.some((isolate) => isolate.outliers) ? [outliers] : []),
  ]
  const overview = parts.join("\n")
  if (status.isolates.length === 0) return overview
  const rows = [...status.isolates]
    .sort((a, b) => a.serving - b.serving || a.isolate.localeCompare(b.isolate))
    .map((isolate) => [
      plain(isolate.isolate),
      String(isolate.serving),
      age(isolate.seenAtMs, nowMs),
      stateText(isolate, head, paint),
    ])
  return `${overview}\n${table(["ISOLATE", "SERVES", "SEEN", "STATE"], rows)}`
}

function healthFact(health: Status["health"], paint: Paint): [string, string][] {
  if (health.length === 0) return []
  const bad = health.flatMap(({ unhealthy }) => unhealthy).length
  const silent = health.filter((one) => one.silent).length
  const text = [
    `${count(health.length, "service")} checked`,
    bad === 0
      ? silent === 0
        ? paint("green", "all healthy")
        : ""
      : paint("red", `${count(bad, "endpoint")} unhealthy`),
    silent === 0 ? "" : paint("yellow", `${silent} not heard of`),
  ]
  return [["health", text.filter((part) => part !== "").join(", ")]]
}

/** Checks that say nothing keep nobody out: that is worth a line, as a failing endpoint is. */
function healthRows(health: Status["health"], nowMs: number, paint: Paint): string[][] {
  return health.flatMap(({ service, silent, heardAtMs, unhealthy }) => {
    if (silent) {
      const since = heardAtMs === undefined ? "no check has been made yet" : `no word for ${age(heardAtMs, nowMs)}`
      return [[plain(service), "", paint("yellow", `${since}: nothing is left out`)]]
    }
    return unhealthy.map(({ cluster, endpoint, because, sinceMs, heeded }) => {
      const word = `${paint("red", "unhealthy")} for ${age(sinceMs, nowMs)}: ${plain(because)}`
      return [plain(cluster), plain(endpoint), heeded ? word : `${word}; not heeded, too few would be left`]
    })
  })
}

/** Isolates judge endpoints each for itself: how many of them ejected one, and what they found. */
function outlierRows(isolates: readonly IsolateStatus[], paint: Paint): string[][] {
  const found = new Map<string, OutlierReport[]>()
  for (const report of isolates.flatMap(({ outliers }) => outliers ?? [])) {
    const key = `${report.cluster} ${report.endpoint}`
    found.set(key, [...(found.get(key) ?? []), report])
  }
  return [...found.values()].map((reports) => {
    const { cluster, endpoint } = reports[0]!
    const ejected = reports.filter((report) => report.ejected)
    const heard = ejected.length > 0 ? ejected : reports
    const share = `by ${heard.length} of ${isolates.length}`
    const word = ejected.length > 0 ? paint("red", `ejected ${share}`) : paint("yellow", `suspected ${share}`)
    const reasons = [...new Set(heard.map(({ because }) => plain(because)))].join("; ")
    return [plain(cluster), plain(endpoint), `${word}: ${reasons}`]
  })
}

function headText({ head }: Status, nowMs: number, paint: Paint): string {
  if (!head) return "no revision yet; `weft apply -f mesh.yaml` makes the first"
  const message = head.message ? `: ${plain(head.message)}` : ""
  return `${paint("bold", `revision ${head.revision}`)}, ${age(head.atMs, nowMs)} ago by ${plain(head.author)}${message}`
}

function isolatesText({ isolates, unsure, relays }: Status, head: number, paint: Paint): string {
  const isSilent = relays.some(({ silent }) => silent)
  const doubt = isSilent ? "who knows of them does not answer" : unsure ? "who hears of them was started just now" : ""
  if (isolates.length === 0) {
    return doubt === ""
      ? "none in the last minute; they start with the first request"
      : paint("yellow", `none known: ${doubt}`)
  }
  const current = isolates.filter((isolate) => isolate.serving >= head).length
  const text = `${current} of ${isolates.length} at head`
  const more = doubt === "" ? "" : `; there may be more: ${doubt}`
  return (current === isolates.length ? paint("green", text) : paint("yellow", text)) + more
}

/** Where the root has no relay to tell, there is nothing to say. */
function relaysRow(relays: Status["relays"], head: number, paint: Paint): [string, string][] {
  if (relays.length === 0) return []
  const wrong = relays.filter(({ revision, silent }) => silent || revision < head)
  const text = `${relays.length - wrong.length} of ${relays.length} at head`
  if (wrong.length === 0) return [["relays", paint("green", text)]]
  const words = wrong.map(
    ({ name, revision, silent }) => `${plain(name)} ${silent ? "does not answer" : `has revision ${revision}`}`,
  )
  return [["relays", `${paint("yellow", text)}: ${words.join(", ")}`]]
}

function missedRow(missed: number, paint: Paint): [string, string][] {
  if (missed === 0) return []
  const text = `${count(missed, "request")} served by an older revision than promised, in the last minute or two`
  return [["late", paint("yellow", text)]]
}

function stateText(isolate: IsolateStatus, head: number, paint: Paint): string {
  if (isolate.serving >= head) return paint("green", "current")
  if (isolate.refused) return paint("red", `refuses ${isolate.refused.revision}: ${plain(isolate.refused.reason)}`)
  return paint("yellow", "behind")
}
