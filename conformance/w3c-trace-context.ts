/**
 * `w3c_trace_context.json`: what a participant of a trace sends on of the headers it gets. One request becomes one at a backend behind the
 * mesh, by both doors; several become those that a service makes through the mesh, with the trace headers it was given.
 */
import { type Door, type Form, type FormCase, type FormTest, NOTHING_EXPECTED } from "./form.ts"
import { list, record, skipped, text } from "./gateway-api.ts"
import { isJudgedOfTraces } from "./judge-trace.ts"

const NAMESPACE = "traces"
const HARNESS = { binding: "TRACES__HARNESS", backend: "harness", namespace: NAMESPACE }
const VENDOR = { binding: "TRACES__VENDOR", backend: "vendor", namespace: NAMESPACE, entrypoint: "Caller" } as const
const DOCUMENT = {
  namespace: NAMESPACE,
  services: { harness: {}, vendor: {} },
  routes: {
    harness: { hosts: ["harness.test"], rules: [{ backends: [{ service: "harness" }] }] },
    vendor: { hosts: ["vendor.test"], rules: [{ backends: [{ service: "vendor" }] }] },
  },
}
const PUBLIC: Door = { at: "gateway", gateway: "default/default", port: 80 }
const INSIDE: Door = { at: "service", from: `${NAMESPACE}/client`, to: `${NAMESPACE}/harness` }

export const traceContextForm: Form = {
  name: "W3C Trace Context",
  takes: (_file, content) => list(content).some((test) => list(record(test).cases).some(isTraceCase)),
  read: (content) => list(content).map((test, index) => testOf(record(test), index)),
}

function isTraceCase(one: unknown): boolean {
  const { in: sent, outboundRequests, expect } = record(one)
  return Array.isArray(sent) && typeof outboundRequests === "number" && typeof expect === "object"
}

function testOf(test: Readonly<Record<string, unknown>>, index: number): FormTest {
  return {
    name: text(test.test) ?? text(test.name) ?? `test ${index + 1}`,
    documents: [DOCUMENT],
    backends: [HARNESS, VENDOR],
    cases: list(test.cases).flatMap((one, position) => casesOf(record(one), position)),
  }
}

function casesOf(one: Readonly<Record<string, unknown>>, position: number): FormCase[] {
  const sent = JSON.stringify(one.in ?? null).slice(0, 100)
  const name = `${position + 1}: ${sent}`
  if (!isTraceCase(one)) return [skipped(name, "the case does not say what is sent and what is expected")]
  const requests = Number(one.outboundRequests)
  if (requests !== 1) return [caseOf(name, one, PUBLIC, "vendor.test", `/?requests=${requests}`)]
  return [
    caseOf(name, one, PUBLIC, "harness.test", "/"),
    caseOf(`${position + 1} inside: ${sent}`, one, INSIDE, "harness.test", "/"),
  ]
}

function caseOf(
  name: string,
  { in: sent, expect }: Readonly<Record<string, unknown>>,
  door: Door,
  host: string,
  target: string,
): FormCase {
  const headers = list(sent).map((pair) => list(pair).map(String) as unknown as readonly [string, string])
  const trace = record(expect)
  return {
    name,
    door,
    removals: [],
    request: { scheme: "http", host, target, method: "GET", headers, webSocket: false },
    expect: {
      ...NOTHING_EXPECTED,
      statuses: [200],
      trace,
      unknown: Object.keys(trace).filter((key) => !isJudgedOfTraces(key)),
    },
  }
}
