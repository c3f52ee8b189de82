/** What is asserted of what the mesh writes down: logs, metrics, pages. */
import { ADMIN_TOKEN } from "#attacks/world.ts"
import { type Evidence, type Faults, FINE, firstAnswer, type Meaning, probe } from "./evidence.ts"
import { short } from "./received.ts"

const KIB = 1024
const LABEL_CHARS_MAX = 128
/** Isolates report their counts about once a second. */
const REPORT_MS = 2_500

export const RECORDS: readonly Meaning[] = [
  { of: /^log\.injection/, says: /one line, one JSON object/, judge: oneObject },
  { of: /^log\.secret/, says: /./, judge: noSecret },
  { of: /^log\.size/, says: /fields truncated \((\d+) KiB\)/, judge: fieldsBounded },
  { of: /^log\.(?!secret)/, says: /^(?!.*one line, one JSON object|.*fields truncated \()./, judge: oneObject },
  { of: /^metrics\./, says: /./, judge: labelsBounded },
  { of: /^dash\./, says: /./, judge: pagesEscaped },
]

/** What the mesh has written so far to the logs and to whoever may look at it. */
async function told({ world, log }: Evidence, ...paths: readonly string[]): Promise<string> {
  const pages = paths.map(async (path) => {
    const response = await fetch(`${world.controlUrl}${path}`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })
    return response.text()
  })
  return [...log, ...(await Promise.all(pages))].join("\n")
}

function recordsIn(log: readonly string[]): Record<string, unknown>[] | string {
  const records: Record<string, unknown>[] = []
  for (const line of log) {
    if (!line.startsWith("{")) continue
    try {
      records.push(JSON.parse(line))
    } catch {
      return line
    }
  }
  return records
}

function oneObject(evidence: Evidence): Faults {
  const records = recordsIn(evidence.log)
  if (typeof records === "string") return [`a line of the log is no JSON: ${short(records)}`]
  const { status } = firstAnswer(evidence)
  if (records.length !== evidence.results.length)
    return [`${evidence.results.length} requests, and ${records.length} lines in the log`]
  return records.every((record) => record.status === status)
    ? FINE
    : ["a record tells another status than the answer's"]
}

async function noSecret(evidence: Evidence): Promise<Faults> {
  const secrets = evidence.sent.headers
    .filter(([name]) => /^(authorization|cookie|x-api-key)$/i.test(name))
    .map(([, value]) => value.replace(/^(bearer|basic) /i, ""))
  // A request that goes wrong tells more than one that goes well.
  const logged = evidence.world.log.length
  await probe(evidence, { rawPath: "/%zz" })
  const log = [...evidence.log, ...evidence.world.log.slice(logged)]
  const text = await told({ ...evidence, log }, "/v1/status", "/metrics", "/v1/stats")
  return secrets.filter((secret) => text.includes(secret)).map((secret) => `${short(secret)} is written down`)
}

function fieldsBounded({ log }: Evidence, [kib]: readonly string[]): Faults {
  const records = recordsIn(log)
  if (typeof records === "string") return [`a line of the log is no JSON: ${short(records)}`]
  const long = records
    .flatMap((record) => Object.entries(record))
    .filter(([, value]) => JSON.stringify(value).length > Number(kib) * KIB)
  return long.map(([name]) => `the field ${name} is longer than ${kib} KiB`)
}

async function labelsBounded(evidence: Evidence): Promise<Faults> {
  await new Promise((resolve) => setTimeout(resolve, REPORT_MS))
  await probe(evidence, {})
  const metrics = await told({ ...evidence, log: [] }, "/metrics")
  const values = [...metrics.matchAll(/="((?:[^"\\]|\\.)*)"/g)].map(([, value]) => value!)
  if (values.length === 0) return ["there are no metrics"]
  const ofRequest = evidence.sent.rawPath.slice(1, 1 + LABEL_CHARS_MAX)
  return [
    ...values.filter((value) => value.length > LABEL_CHARS_MAX).map((value) => `a label has the value ${short(value)}`),
    ...(ofRequest.length > 8 && metrics.includes(ofRequest) ? ["a label holds what the request asked for"] : []),
  ]
}

/** Whatever a client sends is text on a page, or not there. */
async function pagesEscaped(evidence: Evidence): Promise<Faults> {
  const pages = await told({ ...evidence, log: [] }, "/reference", "/")
  const { headers, rawPath } = evidence.sent
  const markup = [...headers.map(([, value]) => value), rawPath].filter((value) => value.includes("<"))
  return markup.filter((value) => pages.includes(value)).map((value) => `a page holds ${short(value)}`)
}
