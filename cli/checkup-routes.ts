/** Checks of revisions on their way to isolates, and of what services are reached by. */
import type { Status } from "#shared/protocol/control-api.ts"
import { breakerText } from "./breaker-text.ts"
import { type Check, type Facts, LEASE_MS, type Unwell, unlessUnwell } from "./checkup-kit.ts"
import { age, count, plain } from "./output.ts"

export function checkRoutes({ status: told, nowMs }: Facts): Check[] {
  const { head: newest, isolates, relays, rollout } = told
  // Under guard most isolates are meant to serve what came before.
  const head = newest && rollout ? { ...newest, revision: rollout.stable } : newest
  const status = { ...told, head }
  if (!head || !newest) {
    const hint = "weft apply -f mesh.yaml makes the first"
    return [{ section: "routes", rule: "no-revision", state: "warning", message: "there is no revision yet", hint }]
  }
  const unwell = [...isolateChecks(status, nowMs), ...relayChecks(status, nowMs), ...missedChecks(status)]
  const when = `${age(head.atMs, nowMs)} ago by ${plain(head.author)}`
  const headIs = {
    section: "routes",
    rule: "head",
    state: "ok",
    message: `the head is revision ${newest.revision}, ${when}${rollout ? `, under guard; ${head.revision} is the stable one` : ""}`,
  } as const
  const serving = isolates.filter((isolate) => isolate.serving >= head.revision).length
  const oldest = isolates.reduce((worst, { seenAtMs }) => Math.max(worst, nowMs - seenAtMs), 0)
  const relayed = relays.length === 0 ? "" : `, told by ${count(relays.length, "relay")}`
  if (isolates.length === 0) {
    const message = "no isolate asked for routes within the last minute: they start with the first request"
    return [headIs, ...unwell, { section: "routes", rule: "isolates", state: "skipped", message }]
  }
  const message = `${serving} of ${isolates.length} isolates serve ${rollout ? "that" : "it"}${relayed}; the one heard of longest ago asked ${age(nowMs - oldest, nowMs)} ago`
  return [headIs, ...unlessUnwell(unwell, { section: "routes", rule: "isolates", state: "ok", message })]
}

function isolateChecks({ head, isolates }: Status, nowMs: number): Unwell[] {
  // A revision of a moment ago is still on its way, and an idle isolate catches up with its next request.
  const settled = nowMs - head!.atMs > LEASE_MS
  return isolates.flatMap(({ isolate, serving, refused, seenAtMs }): Unwell[] => {
    const about = { section: "routes", state: "problem", path: `isolates.${plain(isolate)}` } as const
    if (refused && refused.revision > serving) {
      const message = `refuses revision ${refused.revision} and serves ${serving}: ${plain(refused.reason)}`
      return [{ ...about, rule: "refused", message, hint: "deploy the newest proxy, or go back: weft rollback" }]
    }
    if (serving >= head!.revision || !settled || nowMs - seenAtMs > LEASE_MS) return []
    const message = `serves revision ${serving}; head is ${head!.revision}`
    return [
      {
        ...about,
        rule: "behind",
        message,
        hint: "weft status says whether its relay has it; if it stays behind, deploy the proxy anew",
      },
    ]
  })
}

function relayChecks({ head, relays }: Status, nowMs: number): Unwell[] {
  return relays.flatMap(({ name, revision, failures, silent }): Unwell[] => {
    const about = { section: "routes", state: "warning", path: `relays.${plain(name)}` } as const
    const hint = "its isolates ask the root meanwhile; control's log says what it does not take"
    if (silent) return [{ ...about, rule: "relay-silent", message: "does not answer", hint }]
    if (failures > 0)
      return [
        {
          ...about,
          rule: "relay-failing",
          message: `did not take the last ${count(failures, "push", "pushes")}`,
          hint,
        },
      ]
    if (revision >= head!.revision || nowMs - head!.atMs <= LEASE_MS) return []
    return [{ ...about, rule: "relay-behind", message: `has revision ${revision}; head is ${head!.revision}`, hint }]
  })
}

function missedChecks({ floorsMissed }: Status): Unwell[] {
  if (floorsMissed === 0) return []
  const message = `${count(floorsMissed, "request")} of the last minute or two were served by an older revision than promised`
  const hint = "isolates could not ask in time: look for relays that do not answer"
  return [{ section: "routes", rule: "floors-missed", state: "warning", message, hint }]
}

export function checkEndpoints({ status, nowMs }: Facts): Check[] {
  const { services, isolates } = status
  const unwell = [
    ...bindingChecks(status),
    ...breakerChecks(status, nowMs),
    ...healthChecks(status, nowMs),
    ...outlierChecks(status),
  ]
  if (services === 0) return unwell
  const isTold = isolates.some(({ bindings }) => bindings !== undefined)
  const bound = isTold
    ? "are bound, no breaker is open, no endpoint unhealthy or ejected"
    : "have no open breaker and no unhealthy endpoint; which are bound says the first isolate"
  return unlessUnwell(unwell, {
    section: "services",
    rule: "services",
    state: "ok",
    message: `${count(services, "service")} ${bound}`,
  })
}

function bindingChecks({ unbound }: Status): Unwell[] {
  return unbound.map(({ service, binding }) => ({
    ...{ section: "services", rule: "unbound", state: "problem", path: `services.${plain(service)}` },
    message: `no proxy has the binding ${plain(binding)}`,
    hint: `weft service add ${plain(service).replace(/^default\//, "")} --worker <worker>, then weft deploy`,
  }))
}

function breakerChecks({ breakers }: Status, nowMs: number): Unwell[] {
  return breakers.map((breaker) => ({
    ...{ section: "services", rule: "breaker-open", state: "warning", path: `services.${plain(breaker.cluster)}` },
    message: `its breaker is ${breakerText(breaker, nowMs, (_style, text) => text)}`,
    hint: `weft stat edges --to ${short(breaker.cluster)} shows who is hit; weft breaker close ${short(breaker.cluster)} lets all pass for a while`,
  }))
}

function healthChecks({ health }: Status, nowMs: number): Unwell[] {
  return health.flatMap(({ service, silent, heardAtMs, unhealthy }): Unwell[] => {
    const about = { section: "services", state: "warning", path: `services.${plain(service)}` } as const
    if (silent) {
      const since =
        heardAtMs === undefined
          ? "no health check has been made yet"
          : `no word of its health checks for ${age(heardAtMs, nowMs)}`
      const hint =
        "give control the binding PROXY to the proxy's Prober, as in its wrangler.toml, and deploy it; until then nothing is left out"
      return [{ ...about, rule: "checks-silent", message: since, hint }]
    }
    return unhealthy.map(({ cluster, endpoint, because, sinceMs, heeded }) => ({
      ...{ ...about, rule: "unhealthy", path: `services.${plain(cluster)}` },
      message: `${plain(endpoint)} is unhealthy for ${age(sinceMs, nowMs)}: ${plain(because)}${heeded ? "" : "; not heeded, too few would be left"}`,
      hint: "mend the endpoint; it is used again by itself once its checks are good",
    }))
  })
}

/** Isolates judge each for itself: one line an endpoint. */
function outlierChecks({ isolates }: Status): Unwell[] {
  const found = Map.groupBy(
    isolates.flatMap(({ outliers = [] }) => outliers.filter(({ ejected }) => ejected)),
    ({ cluster, endpoint }) => `${cluster} ${endpoint}`,
  )
  return [...found.values()].map((reports) => {
    const { cluster, endpoint, because } = reports[0]!
    return {
      ...{ section: "services", rule: "ejected", state: "warning", path: `services.${plain(cluster)}` },
      message: `${plain(endpoint)} is ejected by ${reports.length} of ${isolates.length} isolates: ${plain(because)}`,
      hint: "look at that endpoint: its peers do better; it is tried again by itself",
    }
  })
}

function short(cluster: string): string {
  return plain(cluster).replace(/^default\//, "")
}
