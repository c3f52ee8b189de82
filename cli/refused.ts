/**
 * What control answers to programs, said to a person at a terminal: nothing of headers and requests, and what to type. What the
 * person asked for is not known here; what there is to look at is known by what control says.
 */
import type { Problem } from "#shared/model/problem.ts"
import type { ProblemDetails } from "#shared/protocol/control-api.ts"
import { EXIT, type Failure } from "./command.ts"
import type { Connection } from "./connection.ts"
import { plain, remaining } from "./output.ts"

/** Why control did not do it. `body` is what it said, of any shape. */
export function refusal(connection: Connection, status: number, body: unknown): Failure {
  const details = isDetails(body) ? body : undefined
  if (status === 401) return unauthenticated(connection)
  const said = sayable(details?.detail ?? details?.title ?? `it answered ${status}`)
  if (status === 403) return forbidden(connection, said, details)
  if (details === undefined) {
    const message = `what answers at ${connection.url} (status ${status}) is not a Weft control`
    return { exit: EXIT.unreachable, message, hint: "is it the ingress? --url or WEFT_URL names control" }
  }
  if (status >= 500) return broken(status, said)
  if (status === 429) {
    const hint = hintFor(said) ?? "other requests with this token, or from this address, used it up"
    return { exit: EXIT.forbidden, message: said, hint }
  }
  const hint = hintFor(said)
  const failure = { exit: EXIT.problems, message: said, ...(hint !== undefined && { hint }) }
  if (status === 428 && details.confirm) {
    return {
      ...failure,
      message: said,
      confirm: details.confirm,
      hint: "look at it, then give the command again with --confirm",
    }
  }
  if (status === 422 && details.problems) return { ...failure, problems: details.problems }
  // Of what the command sent, not of documents.
  if (status === 400 && details.problems) return { ...failure, problems: details.problems.map(typed) }
  if (status === 412) return { ...failure, hint: "somebody else changed the mesh meanwhile; look and try again" }
  return failure
}

function unauthenticated(connection: Connection): Failure {
  if (connection.token === undefined)
    return {
      exit: EXIT.forbidden,
      message: `control at ${connection.url} wants a token`,
      hint: "set WEFT_TOKEN or pass --token; a local start leaves one in .weft/token, for a local URL only",
    }
  return {
    exit: EXIT.forbidden,
    message: `control at ${connection.url} does not know the token from ${connection.tokenFrom}`,
    hint: "it may have been revoked, may have expired, or may be another mesh's",
  }
}

function forbidden({ tokenFrom }: Connection, said: string, details: ProblemDetails | undefined): Failure {
  return {
    exit: EXIT.forbidden,
    ...(details?.problems && { problems: details.problems }),
    message: `not allowed: ${said}`,
    hint: `the token is from ${tokenFrom ?? "nowhere"}; an admin makes others by \`weft token create\``,
  }
}

/** Control does not always know itself whether it was done. */
function broken(status: number, said: string): Failure {
  const hint =
    status === 503
      ? "try again in a moment; if it was a change, `weft history` says whether it was made"
      : "this is a bug: what control logged under this id says more"
  return { exit: EXIT.unreachable, message: `control failed (${status})${said === "" ? "" : `: ${said}`}`, hint }
}

/** Without the sentences that are for programs: a command says by itself what to do. */
function sayable(detail: string): string {
  return plain(detail.replaceAll(/\s*(?:Repeat the request|Send (?:the body|`))[^.]*(?:\.(?=\s|$)|$)/g, "")).trim()
}

/** By what control says; `$1` is what stands there in brackets. */
const HINTS: readonly (readonly [said: RegExp, hint: string])[] = [
  [/^There is no revision yet/, "`weft apply -f mesh.yaml` makes the first"],
  [/^There is no revision/, "`weft history` lists them"],
  [/^There is a token (\S+) already/, "`weft token revoke $1` ends it"],
  [/^There (?:is no|are too many) tokens?\b/, "`weft token list` lists them, `weft token revoke <name>` ends one"],
  [/^There is a key (\S+) already/, "`weft key revoke $1` ends it"],
  [/^There (?:is no key \S|are too many keys;)/, "`weft key list` lists them, `weft key revoke <id>` ends one"],
  [/^There is no such key/, "`weft identity keys` lists them"],
  [
    /^There are too many keys\.$/,
    "`weft identity keys` lists them: each goes when nothing that it signed is good any more",
  ],
  [/^There (?:is no|are too many) silences?\b/, "`weft alerts` lists them, `weft alerts unsilence <id>` ends one"],
  [/^There is no objective/, "`weft alerts` lists them; a new one is looked at within a minute or two"],
  [/^No \S+ of \S+ fires/, "`weft alerts` says which do"],
  [/^There is no service/, "`weft get services` lists them"],
  [/^The service (\S+) has no subset/, "`weft get service/$1` shows what it has"],
  [/^There is no ([A-Z][A-Za-z]+) \S+\.$/, "`weft get $1` lists what there is"],
  [
    /^There is no such path|^This path takes/,
    "control may be of another version than this command: `weft check` says so",
  ],
  [/^This host is not in/, "reach control by a host that stands there, or add this one to it"],
  [/^At most \d+ bytes/, "give the documents in several commands"],
  [/^At most \d+ taps/, "end one, or wait: each ends by itself"],
  [/^Others change the mesh/, "`weft history` says who"],
  [/^Nothing is under guard/, "`weft apply --guard` lets a change out so"],
]

/** Fields of requests, as they are typed. */
const TYPED: { readonly [field: string]: string } = {
  expiresInSeconds: "--expires",
  forSeconds: "--for",
  scopes: "--scope",
  ...{ limit: "--limit", owner: "--owner", role: "--role", namespaces: "--namespaces", namespace: "--namespace" },
  ...{ message: "--message", reason: "--message" },
}

function typed(problem: Problem): Problem {
  const [field = "", ...rest] = problem.path.split(".")
  const option = TYPED[field]
  if (option === undefined) return problem
  const bound = /expected number to be ([<>])=?(\d+)$/.exec(problem.message)
  const isLife = field.endsWith("Seconds") && bound !== null
  const message = isLife
    ? `at ${bound[1] === "<" ? "most" : "least"} ${remaining(Number(bound[2]) * 1000, 0)}`
    : problem.message
  return { ...problem, path: [option, ...rest].join("."), message }
}

function hintFor(said: string): string | undefined {
  for (const [pattern, hint] of HINTS) {
    const found = pattern.exec(said)
    if (found) return hint.replace("$1", found[1] ?? "")
  }
  return undefined
}

function isDetails(body: unknown): body is ProblemDetails {
  return typeof body === "object" && body !== null && "title" in body && "status" in body
}
