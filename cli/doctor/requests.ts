/** What arrives of requests that are written in unusual ways, and whether the mesh understands it as it was meant. */
import { LIMITS } from "#shared/model/limits.ts"
import type { ProbeReport } from "#shared/protocol/probe.ts"
import { canonicalHost } from "#shared/std/host.ts"
import { canonicalPath, ENCODED_SLASH } from "#shared/std/path.ts"
import { type Examination, type Finding, unheard } from "./finding.ts"

/** Each is read in another way by some server. */
const PATHS = [
  "/weft-doctor/a/../b",
  "/weft-doctor/./b",
  "/weft-doctor//b",
  "/weft-doctor/%2e%2e/b",
  "/weft-doctor/%61",
  "/weft-doctor/%2561",
  "/weft-doctor/a%2fb",
  "/weft-doctor/a%5cb",
  "/weft-doctor/a\\b",
  "/weft-doctor/a;x=y/b",
  "/weft-doctor/..;/b",
  "/weft-doctor/a%00b",
  "/weft-doctor/a%3fb",
  "/weft-doctor/caf%c3%a9",
  "/weft-doctor/b%zz",
]

/** Nobody's address (RFC 5737). */
const FORGED = "203.0.113.7"

export function requestExaminations(edge: URL): Examination[] {
  return [
    ...PATHS.map(path),
    refused("path of 9,000 bytes", { target: `/${"a".repeat(9_000)}` }),
    refused(`${LIMITS.headersMax + 1} headers`, {
      headers: Array.from({ length: LIMITS.headersMax }, (_, index) => [`x-weft-doctor-${index}`, "1"] as const),
    }),
    refused("a header that is not UTF-8", { headers: [["x-weft-doctor", "\xff\xfe"]] }),
    refused("method TRACE", { method: "TRACE" }),
    forgedAddress(),
    listOfValues(),
    ambiguousName(),
    ...[edge.host.toUpperCase(), `${edge.hostname}.${edge.port && `:${edge.port}`}`].map(host),
    refused("a host with a path", { hosts: [`${edge.host}/admin?x=`] }),
    refused("two hosts", { hosts: [edge.host, "weft-doctor.example"] }),
  ]
}

function path(sent: string): Examination {
  const of = `path ${sent}`
  return {
    probe: { target: sent },
    judge: (answer) => unheard(of, answer) ?? judgePath(of, sent, reportOf(answer)),
  }
}

function judgePath(of: string, sent: string, { received, canonical }: ProbeReport): Finding {
  const arrived = targetOf(received.url)
  const meant = canonicalPath(sent)
  const understood = "refusal" in canonical ? undefined : canonical.path
  const outcome = understood === undefined ? "the mesh refuses it" : `the mesh reads ${understood}${butFor(understood)}`
  if (arrived === sent) return { level: "ok", of, found: `arrives as sent; ${outcome}` }
  const found = `arrives as ${arrived}; ${outcome}`
  if (typeof meant === "string" && meant !== understood) {
    const hint = "something before the proxy rewrites paths: policies and routes go by the path that arrives"
    return { level: "warning", of, found, hint }
  }
  // Repaired on the way, and then judged, routed and sent on in the repaired form.
  return { level: typeof meant === "string" ? "ok" : "note", of, found }
}

function butFor(path: string): string {
  return path.includes(ENCODED_SLASH) ? ", and refuses it but for rules that keep it" : ""
}

/** What the mesh must not take, or must never see. */
function refused(of: string, probe: Examination["probe"]): Examination {
  return {
    probe,
    judge: (answer) => {
      const early = unheard(of, answer)
      if (early) return early
      const { canonical } = reportOf(answer)
      if ("refusal" in canonical) return { level: "ok", of, found: `the mesh refuses it: ${canonical.refusal}` }
      return { level: "failure", of, found: `the mesh takes it for ${canonical.host}${canonical.path}` }
    },
  }
}

function forgedAddress(): Examination {
  const of = "cf-connecting-ip of the client's own"
  return {
    probe: { headers: [["cf-connecting-ip", FORGED]] },
    judge: (answer) => {
      const early = unheard(of, answer)
      if (early) return early
      const { received, colo } = reportOf(answer)
      const arrives = received.headers.some(([name, value]) => name === "cf-connecting-ip" && value.includes(FORGED))
      if (!arrives) return { level: "ok", of, found: "the edge replaces it" }
      if (colo === undefined) return { level: "ok", of, found: "no edge stands before the proxy: the mesh drops it" }
      const hint = "clients can say where they are from: keep them from reaching the proxy past the edge"
      return { level: "failure", of, found: "arrives as the client wrote it, and is believed", hint }
    },
  }
}

function listOfValues(): Examination {
  const of = "a header that is there twice"
  const name = "x-weft-doctor"
  return {
    probe: {
      headers: [
        [name, "first"],
        [name, "second"],
      ],
    },
    judge: (answer) => {
      const early = unheard(of, answer)
      if (early) return early
      const value = reportOf(answer).received.headers.find(([known]) => known === name)?.[1]
      return value === "first, second"
        ? { level: "ok", of, found: "arrives with both values, in their order" }
        : { level: "warning", of, found: `arrives as ${JSON.stringify(value ?? null)}` }
    },
  }
}

function ambiguousName(): Examination {
  const of = "a header with _ in its name"
  return {
    probe: { headers: [["x_weft_doctor", "1"]] },
    judge: (answer) => {
      const early = unheard(of, answer)
      if (early) return early
      const { received, settings } = reportOf(answer)
      const arrives = received.headers.some(([name]) => name === "x_weft_doctor")
      if (!arrives) return { level: "ok", of, found: "does not arrive" }
      return { level: "ok", of, found: settings.ambiguousHeaders ? "arrives, and is passed on" : "the mesh drops it" }
    },
  }
}

function host(sent: string): Examination {
  const of = `host ${sent}`
  return {
    probe: { hosts: [sent] },
    judge: (answer) => {
      const early = unheard(of, answer)
      if (early) return early
      const { canonical } = reportOf(answer)
      if ("refusal" in canonical) return { level: "ok", of, found: `the mesh refuses it: ${canonical.refusal}` }
      return canonical.host === canonicalHost(sent)?.host
        ? { level: "ok", of, found: `is ${canonical.host} to the mesh` }
        : { level: "failure", of, found: `is ${canonical.host} to the mesh`, hint: "something changes the Host header" }
    },
  }
}

function reportOf(answer: Parameters<Examination["judge"]>[0]): ProbeReport {
  if ("error" in answer || !answer.report) throw new Error("nobody reported")
  return answer.report
}

/** What stands behind the authority. */
function targetOf(url: string): string {
  return url.replace(/^[a-z]+:\/\/[^/?#]*/i, "")
}
