/** What an expectation says of the upstream, in words, and whether what arrived there agrees. */
import { isBelow, READINGS, reaches } from "#attacks/readings.ts"
import type { Arrival } from "#attacks/upstream.ts"
import { valuesOf } from "#attacks/upstream.ts"
import { attackHeaders, type Evidence, type Faults, FINE, fold, type Meaning } from "./evidence.ts"

/** Each is read of a part of the expectation: parts stand between semicolons. */
export const RECEIVED: readonly Meaning[] = [
  {
    says: /^(?:not reached|never reached|nothing|none|no (?:upstream )?request(?:s)?|not called|not contacted)$/,
    judge: ({ arrivals }) => arrivals.map(({ service, target }) => `${service} received ${short(target)}`),
  },
  { says: /^(?:may be reached|any|reached or not)$/, judge: () => FINE },
  { says: /^(?:is )?reached$/, judge: ({ arrivals }) => each(arrivals, () => FINE) },
  {
    says: /^(?:receives|sees|gets|path is|request line is|reached at|reached as) (?:[A-Z]+ )?(\/\S*)$/,
    judge: ({ arrivals }, [target]) =>
      each(arrivals, (one) => (one.target === target ? FINE : [`received ${short(one.target)}`])),
  },
  {
    says: /^body (?:is )?(?:unchanged|byte-identical|intact|complete|whole)$/,
    judge: ({ sent, arrivals }) =>
      each(arrivals, (one) =>
        one.body === (sent.body ?? "") && one.complete ? FINE : [`received the body ${short(one.body)}`],
      ),
  },
  {
    says: /^(?:only )?(?:the )?(a|b|shadow|mirror)(?: is| was)? (not |never )?reached$/i,
    judge: ({ arrivals }, [name, not]) => {
      const service = /mirror/i.test(name!) ? "shadow" : name!.toLowerCase()
      const found = arrivals.some((one) => one.service === service)
      return found === !not ? FINE : [`${service} was ${found ? "" : "not "}reached`]
    },
  },
  { says: /^if reached: byte-identical/, judge: unchanged },
  {
    says: /^(?:it )?never receives (\/\S*)$/,
    judge: ({ arrivals }, [path]) => arrivals.flatMap((one) => notBelow(one, path!)),
  },
  {
    says: /^never outside (\/\S*)$/,
    judge: ({ arrivals }, [path]) => arrivals.flatMap((one) => onlyBelow(one, path!)),
  },
  {
    says: /^(?:exactly |only )?one ([\w-]+): (\S.*)$/,
    judge: ({ arrivals }, [name, value]) => each(arrivals, (one) => exactly(one, name!, [value!])),
  },
  {
    says: /^no header whose name folds to (\S+) other than the proxy's own '([^']*)'$/,
    judge: ({ arrivals }, [name, value]) => arrivals.flatMap((one) => exactly(one, name!, [value!])),
  },
  {
    says: /^(?:(?:gets|receives|sees) )?(?:no|never) ([\w-]+(?:(?:, ?|\/| or )[\w-]+)*)(?: headers?)?(?: at all)?$/,
    judge: ({ arrivals }, [names]) =>
      names!.split(/, ?|\/| or /).flatMap((name) => arrivals.flatMap((one) => exactly(one, name, []))),
  },
  { says: /^all proxy-set headers present with proxy values$/, judge: oursPresent },
  { says: /^connection absent or keep-alive$/i, judge: connectionKept },
  { says: /^header absent upstream$/, judge: (evidence) => absent(evidence, () => true) },
  { says: /^client value absent$/, judge: (evidence) => absent(evidence, (found, sent) => found === sent) },
  {
    says: /^([\w-]+) is literal text$/,
    judge: ({ arrivals }, [name]) =>
      each(arrivals, (one) => (valuesOf(one.headers, name!).length === 1 ? [] : [`no single ${name}`])),
  },
  { says: /^mirror gets no (.+) unless allowed$/, judge: mirrorClean },
  { says: /^(?:reached )?(?:exactly |only )?(once|twice)$/, judge: counted },
  { says: /^(?:exactly |only )?(one|two|three|\d+) (?:upstream )?(?:request|attempt|time)s?$/, judge: counted },
  { says: /^(?:at most|<=|no more than|max) ?(\w+) (?:upstream )?(?:request|attempt)s?$/, judge: atMost },
  {
    says: /^([\w-]+): (\S.*)$/,
    judge: ({ arrivals }, [name, value]) => each(arrivals, (one) => exactly(one, name!, [value!])),
  },
  { says: /^error (?:page )?service gets no (.+)$/, judge: () => FINE },
  { says: /^no bytes beyond the declared body$/, judge: wellFramed },
  { says: /^second request is separately authorised$/, judge: notSmuggled },
]

function each(arrivals: readonly Arrival[], judge: (arrival: Arrival) => Faults): Faults {
  return arrivals.length === 0 ? ["nothing reached the upstream"] : arrivals.flatMap(judge)
}

/** Up to the case of hex digits, which the canonical form writes in upper case, and a dot that it decodes. */
function unchanged({ sent, arrivals }: Evidence): Faults {
  const same = (text: string) =>
    text.replace(/%[0-9a-f]{2}/gi, (triplet) => (/%2e/i.test(triplet) ? "." : triplet.toUpperCase()))
  const wrong = arrivals.filter(({ target }) => same(target) !== same(sent.rawPath))
  return wrong.map(({ target }) => `the upstream received ${short(target)}`)
}

function notBelow({ target }: Arrival, path: string): Faults {
  const found = reaches(target, [path])
  return found ? [`received ${short(target)}, which is ${found.path} to ${found.of}`] : FINE
}

function onlyBelow({ target }: Arrival, prefix: string): Faults {
  return READINGS.flatMap(({ of, read }) => {
    const path = read(target)
    const below = path === undefined || isBelow(path, prefix.replace(/\/$/, ""))
    return below ? [] : [`received ${short(target)}, which is ${path} to ${of}`]
  })
}

/** The values of a header and of all that look like it. */
function exactly({ headers }: Arrival, name: string, values: readonly string[]): Faults {
  const found = headers.filter(([one]) => fold(one) === fold(name))
  const same =
    found.length === values.length &&
    found.every(([one, value], index) => value === values[index] && one === name.toLowerCase())
  return same ? FINE : [`received ${found.map(([one, value]) => `${one}: ${short(value)}`).join(", ") || `no ${name}`}`]
}

const OURS = ["x-forwarded-host", "x-forwarded-proto", "traceparent", "weft-hops"]

function oursPresent({ sent, arrivals }: Evidence): Faults {
  return arrivals.flatMap(({ headers }) => {
    const missing = OURS.filter((name) => valuesOf(headers, name).length !== 1).map(
      (name) => `${name} is not there once`,
    )
    const spoofed = attackHeaders(sent).filter(
      ([name, value]) => name.toLowerCase() !== "connection" && valuesOf(headers, name).includes(value),
    )
    return [...missing, ...spoofed.map(([name]) => `${name} has the client's value`)]
  })
}

function connectionKept({ arrivals }: Evidence): Faults {
  const odd = arrivals
    .flatMap(({ headers }) => valuesOf(headers, "connection"))
    .filter((value) => !/^keep-alive$/i.test(value))
  return odd.map((value) => `received connection: ${value}`)
}

function absent({ sent, arrivals }: Evidence, isFault: (found: string, sent: string) => boolean): Faults {
  return arrivals.flatMap(({ headers }) =>
    attackHeaders(sent).flatMap(([name, value]) => {
      const found = headers.filter(([one, of]) => fold(one) === fold(name) && isFault(of, value) && !isFraming(one))
      return found.map(([one, of]) => `received ${one}: ${short(of)}`)
    }),
  )
}

/** The runtime frames what it sends by itself. */
function isFraming(name: string): boolean {
  return name === "content-length" || name === "transfer-encoding" || name === "connection"
}

function mirrorClean({ arrivals }: Evidence, [names]: readonly string[]): Faults {
  const copies = arrivals.filter(({ service }) => service === "shadow")
  if (copies.length === 0) return ["nothing was mirrored"]
  const leaked = names!
    .split(/[/,]| and /)
    .flatMap((name) => copies.flatMap(({ headers }) => valuesOf(headers, name.trim())))
  return leaked.length > 0 ? [`the mirror received ${short(leaked[0]!)}`] : FINE
}

const COUNTS: Readonly<Record<string, number>> = { once: 1, twice: 2, one: 1, two: 2, three: 3 }

function counted({ arrivals }: Evidence, [count]: readonly string[]): Faults {
  const expected = COUNTS[count!] ?? Number(count)
  return arrivals.length === expected
    ? FINE
    : [`${arrivals.length} requests reached the upstream instead of ${expected}`]
}

function atMost({ arrivals, results }: Evidence, [count]: readonly string[]): Faults {
  const most = (COUNTS[count!] ?? Number(count)) * results.length
  return arrivals.length <= most ? FINE : [`${arrivals.length} requests reached the upstream`]
}

/** One request of the case's own, whole, with the body that it declared. */
function wellFramed({ sent, arrivals, results }: Evidence): Faults {
  const answers = results.flatMap((result) => result.answers)
  return [
    ...(arrivals.length > 1 ? [`${arrivals.length} requests reached the upstream`] : []),
    ...(answers.length > 1 ? [`${answers.length} answers came back`] : []),
    ...arrivals.flatMap(({ method, target, body, complete }) => [
      ...(method === sent.method && target === sent.rawPath
        ? []
        : [`the upstream received ${method} ${short(target)}`]),
      // A body that breaks off on its way breaks off at the upstream too; of one that never began nothing may arrive.
      ...(complete || body !== "" ? [] : ["the upstream received a request whose body never came"]),
    ]),
  ]
}

/** What stands in a body must not become a request, unless it is judged like any other. */
function notSmuggled({ arrivals, stage: { facts } }: Evidence): Faults {
  return arrivals.flatMap((one) => (facts.guarded ?? ["/admin"]).flatMap((path) => notBelow(one, path)))
}

export function short(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
