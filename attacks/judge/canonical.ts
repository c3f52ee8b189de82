/** What is asserted of paths, hosts and addresses: that one form of them decides, and that it is the form which goes on. */
import { isBelow, reaches } from "#attacks/readings.ts"
import { headerOf } from "#attacks/wire.ts"
import { canonicalPath } from "#shared/std/path.ts"
import {
  attackHeaders,
  type Evidence,
  type Faults,
  FINE,
  firstAnswer,
  type Meaning,
  probe,
  withHeader,
} from "./evidence.ts"
import { short } from "./received.ts"

const KIB = 1024

export const CANONICAL: readonly Meaning[] = [
  { of: /^path\.(?!size)/, says: /./, judge: oneForm },
  { of: /^path\.rewrite/, says: /./, judge: servesTheRest },
  { of: /^path\.size/, says: /over (\d+) KiB .*(?:is|->) (\d{3})/, judge: limited },
  { of: /^path\.size|^regex\./, says: /p99 (?:match )?time < (\d+) ms/, judge: quick },
  { of: /^regex\./, says: /^(?!.*p99 (?:match )?time < \d+ ms)./, judge: (evidence) => quick(evidence, ["10"]) },
  { of: /^path\.size/, says: /^(?!.*p99)(?!.*over \d+ KiB)./, judge: () => FINE },
  { of: /^host\./, says: /two dots -> (\d{3})/, judge: twoDots },
  { of: /^host\.(xfh|override)/, says: /never selects/, judge: indifferentToHeaders },
  { of: /^host\./, says: /./, judge: noException },
  { of: /^redirect\.(?!crlf|internal)/, says: /./, judge: safeLocation },
  { of: /^redirect\.crlf/, says: /./, judge: noSplitting },
  {
    of: /^redirect\.internal/,
    says: /./,
    judge: ({ arrivals }) => (arrivals.length <= 1 ? FINE : ["the mesh followed a redirect"]),
  },
]

/** The path that was judged is the one that went on, and no server takes it for a guarded one. */
function oneForm({ one, sent, arrivals, stage: { facts } }: Evidence): Faults {
  return arrivals.flatMap(({ target }) => {
    const path = target.replace(/\?.*$/s, "")
    const reached = facts.guarded && reaches(target, facts.guarded)
    return [
      ...(canonicalPath(path) === path ? [] : [`the upstream received ${short(target)}, which is not canonical`]),
      ...(reached ? [`the upstream received ${short(target)}, which is ${reached.path} to ${reached.of}`] : []),
      ...(one.class === "path.invalid-percent" && /%(?![0-9a-f]{2})/i.test(sent.rawPath.replace(/\?.*$/s, ""))
        ? [`${short(sent.rawPath)} was forwarded`]
        : []),
    ]
  })
}

/** A rewrite that refuses everything would pass too: a path that nothing speaks against must arrive. */
async function servesTheRest(evidence: Evidence): Promise<Faults> {
  const { confinedTo, rewritesFrom } = evidence.stage.facts
  if (confinedTo === undefined) return FINE
  const rawPath = `${rewritesFrom ?? evidence.sent.rawPath.split("/").slice(0, 2).join("/")}/plain.txt`
  const { arrivals } = await probe(evidence, { rawPath })
  return arrivals.some(({ target }) => isBelow(target, confinedTo))
    ? FINE
    : [`${rawPath} did not arrive below ${confinedTo}`]
}

async function limited(evidence: Evidence, [kib, status]: readonly string[]): Promise<Faults> {
  const most = Number(kib) * KIB
  const statusOf = async (length: number) =>
    (await probe(evidence, { rawPath: `/${"a".repeat(length - 1)}` })).answer.status
  const [within, over] = [await statusOf(most), await statusOf(most + 1)]
  return [
    ...(within === Number(status) ? [`a target of ${most} bytes is answered ${within} already`] : []),
    ...(over === Number(status) ? [] : [`a target of ${most + 1} bytes is answered ${over}`]),
  ]
}

const ROUNDS = 400

/** Measured from outside, where the request's way is much longer than the matching: the difference to a short path is bounded. */
export async function quick(evidence: Evidence, [limitMs]: readonly string[]): Promise<Faults> {
  let least = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    least = Math.min(least, await addedMs(evidence))
    if (least < Number(limitMs)) return FINE
  }
  return [`the match takes ${least.toFixed(2)} ms longer than that of a short path`]
}

/** What else the machine does can only add to it: of several measurements the least is the nearest. */
const ATTEMPTS = 3

async function addedMs(evidence: Evidence): Promise<number> {
  const timeOf = async (rawPath: string) => {
    const startedAtMs = performance.now()
    await probe(evidence, { rawPath })
    return performance.now() - startedAtMs
  }
  const [short, long]: [number[], number[]] = [[], []]
  // In turns, so that whatever else the machine does slows down both alike.
  for (let round = 0; round < ROUNDS; round++) {
    short.push(await timeOf("/nowhere"))
    long.push(await timeOf(evidence.sent.rawPath))
  }
  return quarterOf(long) - quarterOf(short)
}

/** A quarter of the times are shorter: it holds the cost of a match, and not the machine's own outliers. */
function quarterOf(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 4)]!
}

async function twoDots(evidence: Evidence, [status]: readonly string[]): Promise<Faults> {
  const host = evidence.sent.headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? ""
  const { answer } = await probe(evidence, {
    headers: withHeader(evidence.sent, "Host", `${host.replace(/\.*$/, "")}..`),
  })
  return answer.status === Number(status) ? FINE : [`a host with two dots at its end is answered ${answer.status}`]
}

/** The same answer without what the client claims, and the claim does not go on. */
async function indifferentToHeaders(evidence: Evidence): Promise<Faults> {
  const claims = attackHeaders(evidence.sent).map(([name]) => name.toLowerCase())
  const headers = evidence.sent.headers.filter(([name]) => !claims.includes(name.toLowerCase()))
  const { answer } = await probe(evidence, { headers })
  const { status } = firstAnswer(evidence)
  return answer.status === status ? FINE : [`without the claim the answer is ${answer.status} instead of ${status}`]
}

function noException(evidence: Evidence): Faults {
  const { status } = firstAnswer(evidence)
  const crashed = evidence.log.filter((line) => line.includes("internal error"))
  return [...(status >= 500 ? [`the answer is ${status}`] : []), ...crashed]
}

function safeLocation(evidence: Evidence): Faults {
  const answer = firstAnswer(evidence)
  const location = headerOf(answer, "location")
  if (location === undefined) return answer.status >= 300 && answer.status < 400 ? ["a redirect to nowhere"] : FINE
  if (/^\/(?![/\\])/.test(location) || !/[\\\s]/.test(location)) {
    const host = new URL(location, "http://app.test").hostname
    if (host === "app.test") return FINE
  }
  return [`it leads to ${short(location)}`]
}

function escapesIn(text: string): number {
  return text.match(/%[0-9a-f]{2}/gi)?.length ?? 0
}

function noSplitting(evidence: Evidence): Faults {
  const answer = firstAnswer(evidence)
  const cookie = headerOf(answer, "set-cookie")
  const location = headerOf(answer, "location")
  return [
    ...(cookie === undefined ? [] : [`it sets the cookie ${cookie}`]),
    ...(location !== undefined && escapesIn(location) < escapesIn(evidence.sent.rawPath)
      ? [`it leads to ${short(location)}`]
      : []),
  ]
}
