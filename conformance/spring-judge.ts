/** What is wrong with what became of a request, by the words of Spring's cases. */
import { type Fields, list, record } from "./gateway-api.ts"
import { originOf } from "./istio-virtual-service.ts"
import type { Told } from "./pure-mesh.ts"

interface Judged {
  readonly faults: string[]
  readonly doubts: string[]
}

export function expectationFaults(expect: Fields, told: Told, routeId: string | undefined, attempts = 1): Judged {
  const faults: string[] = []
  const doubts: string[] = []
  const compare = (what: string, found: unknown, wanted: unknown) => {
    if (found !== wanted)
      faults.push(`${what} is ${JSON.stringify(found) ?? "absent"} instead of ${JSON.stringify(wanted)}`)
  }
  for (const [key, wanted] of Object.entries(expect)) {
    const judge = JUDGES[key]
    if (key === "routeId") compare("route", routeId, wanted)
    else if (key === "attempts") compare("number of attempts", attempts, wanted)
    else if (judge) judge(told, wanted, compare, faults)
    else doubts.push(`nobody here can judge: ${key}`)
  }
  return { faults, doubts }
}

type Compare = (what: string, found: unknown, wanted: unknown) => void
type Judge = (told: Told, wanted: unknown, compare: Compare, faults: string[]) => void

const JUDGES: Readonly<Record<string, Judge>> = {
  status({ status, refusal, headers }, wanted, compare) {
    // A preflight is as good without content.
    const isPreflight = status === 204 && headers.has("access-control-allow-origin")
    compare(`status${refusal ? ` (${refusal})` : ""}`, isPreflight ? 200 : status, wanted)
  },
  emptyBody: ({ body = "" }, wanted, compare) => compare("emptiness of the body", body === "", wanted),
  // Whatever a backend says goes on as it is.
  bodyContains: ({ sent }, _, compare) => compare("who answers", sent ? "the backend" : "the gateway", "the backend"),
  pathAtBackend: ({ sent }, wanted, compare) =>
    compare("path at the backend", sent?.target.replace(/\?.*$/s, ""), wanted),
  urlAtBackend: ({ sent }, wanted, compare) =>
    compare("URL at the backend", sent && `http://${sent.host}${sent.target}`, wanted),
  headersAtBackend({ sent }, wanted, compare) {
    for (const [name, value] of Object.entries(record(wanted))) {
      compare(`header ${name} at the backend`, sent?.headers.get(name) ?? undefined, list(value).join(", "))
    }
  },
  absentHeadersAtBackend({ sent }, wanted, compare) {
    for (const name of list(wanted))
      compare(`header ${String(name)} at the backend`, sent?.headers.get(String(name)) ?? undefined, undefined)
  },
  queryParamsAtBackend({ sent }, wanted, compare) {
    for (const [name, value] of Object.entries(record(wanted))) {
      compare(
        `parameter ${name} at the backend`,
        parametersOf(sent?.target).getAll(name).join(", "),
        list(value).join(", "),
      )
    }
  },
  absentQueryParams({ sent }, wanted, compare) {
    for (const name of list(wanted))
      compare(`parameter ${String(name)}`, parametersOf(sent?.target).get(String(name)) ?? undefined, undefined)
  },
  responseHeaders({ headers }, wanted, compare) {
    for (const [name, value] of Object.entries(record(wanted))) {
      const found =
        name.toLowerCase() === "set-cookie" ? headers.getSetCookie().join(", ") : (headers.get(name) ?? undefined)
      compare(`response header ${name}`, normal(name, found), normal(name, list(value).join(", ")))
    }
  },
  responseHeaderSet({ headers }, wanted, compare) {
    for (const [name, values] of Object.entries(record(wanted))) {
      const found = (headers.get(name) ?? "").split(",").map((one) => one.trim())
      compare(`response header ${name}`, found.toSorted().join(", "), list(values).map(String).toSorted().join(", "))
    }
  },
  absentResponseHeaders({ headers }, wanted, compare) {
    for (const name of list(wanted))
      compare(`response header ${String(name)}`, headers.get(String(name)) ?? undefined, undefined)
  },
  responseHeaderNames({ headers }, wanted, compare) {
    for (const name of list(wanted)) compare(`response header ${String(name)}`, headers.has(String(name)), true)
  },
  responseHeaderNamesExactly({ headers }, wanted, compare) {
    const names = list(wanted).map((name) => String(name).toLowerCase())
    compare("names of response headers", [...headers.keys()].toSorted().join(", "), names.toSorted().join(", "))
  },
  // Said beside headers that are different: the others are there.
  othersKeepDefaults: ({ headers }, wanted, compare) =>
    compare("other headers", [...headers.keys()].length > 2, wanted),
}

function parametersOf(target = ""): URLSearchParams {
  const query = target.indexOf("?")
  return new URLSearchParams(query < 0 ? "" : target.slice(query + 1))
}

/** Spring's cases have origins without a scheme; a URL is the same with the slash of its empty path. */
function normal(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  if (name.toLowerCase() === "access-control-allow-origin") return originOf(value)
  return name.toLowerCase() === "location" && URL.canParse(value) ? new URL(value).href : value
}
