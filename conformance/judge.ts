/** What is wrong with an answer: one sentence a fault, none when it is as expected. */
import { isPing, type Received } from "./client.ts"
import type { CaseRequest, Echoed, Expectation, ExpectedRedirect } from "./form.ts"
import { judgeTrace } from "./judge-trace.ts"

export type Arrived = readonly { readonly backend: string; readonly path: string }[]

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" }

export function judge(expect: Expectation, request: CaseRequest, answer: Received, arrived: Arrived): string[] {
  const faults: string[] = []
  if (!expect.statuses.includes(answer.status)) {
    const refusal = answer.headers["weft-refusal"]
    faults.push(`status ${answer.status}${refusal ? ` (${refusal})` : ""} instead of ${expect.statuses.join(" or ")}`)
  } else if (answer.status === 101) {
    if (!isPing(answer.body)) faults.push("the WebSocket's message did not come back")
  } else faults.push(...judgeEcho(expect, answer))
  faults.push(...judgeResponse(expect, answer))
  if (expect.redirect) faults.push(...judgeRedirect(expect.redirect, request, answer))
  for (const name of expect.backendsNotReached) {
    if (arrived.some(({ backend }) => backend === name)) faults.push(`${name} was reached`)
  }
  if (expect.answeredByProxy && arrived.length > 0) faults.push(`${arrived[0]!.backend} was reached`)
  return faults
}

/** The backend that answered, when one did. */
export function echoed({ body }: Received): Echoed | undefined {
  try {
    const value = JSON.parse(body) as Echoed
    return typeof value.backend === "string" && typeof value.headers === "object" ? value : undefined
  } catch {
    return undefined
  }
}

/** Upstream compares the names of pods, which are the workload's with something added. */
export function isBackend(found: string, expected: string): boolean {
  return found === expected || found.startsWith(`${expected}-`)
}

function judgeEcho(expect: Expectation, answer: Received): string[] {
  const { backend, namespace, pathAtBackend, methodAtBackend, hostAtBackend } = expect
  const headers = Object.entries(expect.headersAtBackend)
  const isWanted =
    [backend, pathAtBackend, methodAtBackend, hostAtBackend].some((one) => one !== undefined) || headers.length > 0
  const echo = echoed(answer)
  if (!isWanted && !expect.trace && expect.absentHeadersAtBackend.length === 0) return []
  if (!echo) return ["the answer is not a backend's"]
  const faults: string[] = []
  if (backend !== undefined && !isBackend(echo.backend, backend))
    faults.push(`reached ${echo.backend} instead of ${backend}`)
  compare(faults, "namespace", echo.namespace, namespace)
  compare(faults, "path at the backend", echo.path, pathAtBackend)
  compare(faults, "method at the backend", echo.method, methodAtBackend)
  compare(faults, "host at the backend", echo.host, hostAtBackend)
  for (const [name, value] of headers) {
    const found = echo.headers[name.toLowerCase()]
    if (found === undefined || normal(found) !== normal(value)) {
      faults.push(`header ${name} at the backend is ${show(found)} instead of ${show(value)}`)
    }
  }
  if (expect.trace) faults.push(...judgeTrace(expect.trace, echo.calls ?? [echo.headers]))
  for (const name of expect.absentHeadersAtBackend) {
    const found = echo.headers[name.toLowerCase()]
    if (found !== undefined) faults.push(`header ${name} at the backend is ${show(found)} instead of absent`)
  }
  return faults
}

function judgeResponse(expect: Expectation, answer: Received): string[] {
  const form = expect.ignoreWhitespace ? (text: string) => text.replace(/\s+/g, "") : normal
  const faults: string[] = []
  for (const [name, values] of Object.entries(expect.responseHeaders)) {
    const found = answer.headers[name.toLowerCase()]
    if (found !== undefined && values.some((value) => form(value) === form(found))) continue
    faults.push(`response header ${name} is ${show(found)} instead of ${values.map(show).join(" or ")}`)
  }
  for (const name of expect.absentResponseHeaders) {
    const found = answer.headers[name.toLowerCase()]
    if (found !== undefined) faults.push(`response header ${name} is ${show(found)} instead of absent`)
  }
  return faults
}

function judgeRedirect(expected: ExpectedRedirect, request: CaseRequest, answer: Received): string[] {
  const location = answer.headers.location
  const base = `${request.scheme}://${request.host}${request.target}`
  if (location === undefined || !URL.canParse(location, base)) return [`location is ${show(location)}`]
  const url = new URL(location, base)
  const port = url.port === "" ? undefined : url.port
  const faults: string[] = []
  compare(faults, "scheme of the redirect", url.protocol.slice(0, -1), expected.scheme ?? undefined)
  compare(faults, "host of the redirect", url.hostname, expected.host ?? undefined)
  const wantedPort = expected.port === DEFAULT_PORTS[url.protocol] ? undefined : (expected.port ?? undefined)
  // A relative location leads to where the request went.
  const isAbsolute = /^[a-z]+:\/\//i.test(location)
  if (isAbsolute && port !== wantedPort) {
    faults.push(`port of the redirect is ${show(port)} instead of ${show(wantedPort)}`)
  }
  const path = expected.path?.includes("?") ? url.pathname + url.search : url.pathname
  compare(faults, "path of the redirect", path, expected.path ?? undefined)
  return faults
}

function compare(faults: string[], what: string, found: string, expected: string | undefined): void {
  if (expected !== undefined && found !== expected)
    faults.push(`${what} is ${show(found)} instead of ${show(expected)}`)
}

/** A list of values says the same with and without spaces after its commas. */
function normal(value: string): string {
  return value
    .split(",")
    .map((part) => part.trim())
    .join(",")
}

function show(text: string | undefined): string {
  return text === undefined ? "absent" : JSON.stringify(text)
}
