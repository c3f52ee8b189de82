/** What is asserted of end users and of who may do what. */
import { valuesOf } from "#attacks/upstream.ts"
import { headerOf } from "#attacks/wire.ts"
import { type Evidence, type Faults, FINE, firstAnswer, type Meaning, probe } from "./evidence.ts"
import { short } from "./received.ts"

export const PROOF: readonly Meaning[] = [
  { of: /^jw(t|ks)\./, says: /./, judge: tellsNothing },
  { of: /^jw(t|ks)\./, says: /./, judge: knowsTheUser },
  { of: /^jwt\.query/, says: /stripped from upstream URL, logs/, judge: stripped },
  { of: /^jwt\.cache/, says: /./, judge: ifJoined(keepsUsersApart) },
  { of: /^jwks\./, says: /./, judge: closed },
  // A set of so many keys is as good as none.
  { of: /^jwks\.size/, says: /max [\d,]+ keys/, judge: closed },
  { of: /^authz\.(?!mirror|redirect-creds)/, says: /./, judge: silent },
  { of: /^hook\./, says: /./, judge: silent },
  { of: /^authz\.mirror/, says: /./, judge: mirrorDiscarded },
  { of: /^authz\.redirect-creds/, says: /./, judge: redirectPassed },
]

/** Whoever is refused learns nothing of keys, policies and what went wrong inside. */
function tellsNothing(evidence: Evidence): Faults {
  const answer = firstAnswer(evidence)
  if (answer.status < 400) return FINE
  const said = `${answer.body} ${headerOf(answer, "www-authenticate") ?? ""}`
  const told = ["BEGIN ", "kty", "iss.test", "k1", "stack", "at ", "Error", "jose", "jwks.json", "keys-"].filter(
    (word) => new RegExp(`(?<![a-z])${word}`).test(said),
  )
  const challenge = answer.status === 401 && headerOf(answer, "www-authenticate") === undefined
  return [
    ...told.map((word) => `the answer tells of ${JSON.stringify(word)}`),
    ...(challenge ? ["401 without WWW-Authenticate"] : []),
  ]
}

/** Where a token was taken, the upstream is told whose it is, by the mesh alone. */
function knowsTheUser({ arrivals, stage }: Evidence): Faults {
  const header = Object.keys(stage.issuer?.claimHeaders ?? {})[0]
  if (header === undefined) return FINE
  return arrivals.flatMap(({ headers }) =>
    valuesOf(headers, header).length > 1 || valuesOf(headers, header).some((value) => /[\r\n]/.test(value))
      ? [`${header} is not one text`]
      : FINE,
  )
}

/** A token in a URL is neither passed on nor written down, where it is taken and where it is not. */
async function stripped(evidence: Evidence): Promise<Faults> {
  const token = /access_token=([^&]*)/.exec(evidence.sent.rawPath)?.[1] ?? ""
  const logged = evidence.world.log.length
  const { answer, arrivals } = await probe(evidence, { rawPath: evidence.sent.rawPath.replace(/^\/[^?]*/, "/ws") })
  const log = [...evidence.log, ...evidence.world.log.slice(logged)]
  return [
    ...(answer.status === 200 ? [] : [`where it is configured, it is answered ${answer.status}`]),
    ...arrivals.flatMap(({ target }) => (target.includes(token) ? [`the upstream received ${short(target)}`] : [])),
    ...(log.some((line) => line.includes(token.split(".")[2] ?? token)) ? ["the log holds the token"] : []),
  ]
}

/** Only tokens that are joined could be taken for one. */
function ifJoined(judge: (evidence: Evidence) => Promise<Faults>): (evidence: Evidence) => Promise<Faults> | Faults {
  return (evidence) => (/\|/.test(evidence.sent.headers.flat().join(" ")) ? judge(evidence) : FINE)
}

/** One user's token is never taken for another's, in whichever order they come. */
async function keepsUsersApart(evidence: Evidence): Promise<Faults> {
  const header = Object.keys(evidence.stage.issuer?.claimHeaders ?? {})[0] ?? ""
  const [first = ""] = (evidence.sent.headers.find(([name]) => /^authorization$/i.test(name))?.[1] ?? "")
    .slice(7)
    .split("|")
  const wrong: string[] = []
  for (const value of [first, `${first}|${first}`, first, `${first},${first}`]) {
    const headers = [
      ["Host", "app.test"],
      ["Authorization", `Bearer ${value}`],
    ] as const
    const { answer, arrivals } = await probe(evidence, { headers })
    const users = arrivals.flatMap((one) => valuesOf(one.headers, header))
    if ((value === first) !== (answer.status === 200))
      wrong.push(`a token ${value === first ? "" : "joined with another "}is answered ${answer.status}`)
    if (value === first && users.length !== 1) wrong.push("the upstream is not told of one user")
  }
  return wrong
}

/** As long as keys cannot be had, nobody is let in, whatever he brings. */
async function closed(evidence: Evidence): Promise<Faults> {
  const headers = evidence.sent.headers.filter(([name]) => !/^authorization$/i.test(name))
  const { answer, arrivals } = await probe(evidence, {
    headers: [...headers, ["Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA"]],
  })
  return answer.status === 401 || answer.status === 503
    ? arrivals.map(() => "it reached the upstream")
    : [`a token is answered ${answer.status}`]
}

/** A denial names no policy to the client. */
function silent(evidence: Evidence): Faults {
  const answer = firstAnswer(evidence)
  const policies = Object.keys(evidence.stage.more.policies ?? {})
  const named = policies.filter((name) => answer.body.includes(`default/${name}`))
  const crashed = evidence.log.filter((line) => line.includes("internal error"))
  return [...named.map((name) => `the answer names the policy ${name}`), ...crashed]
}

async function mirrorDiscarded(evidence: Evidence): Promise<Faults> {
  const { answer } = await probe(evidence, {})
  return answer.status === 200 ? FINE : [`the next request is answered ${answer.status}`]
}

function redirectPassed(evidence: Evidence): Faults {
  const location = headerOf(firstAnswer(evidence), "location")
  return location === undefined ? ["the redirect has no location"] : FINE
}
