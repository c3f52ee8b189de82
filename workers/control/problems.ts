/** The only place where a refusal of the control API becomes HTTP: RFC 9457, always JSON, never a stack. */
import type { Problem } from "#shared/model/problem.ts"
import type { ProblemDetails } from "#shared/protocol/control-api.ts"

/** One sentence a status. What was wrong with this very request goes into `detail`. */
const TITLES = {
  400: "The request is malformed",
  401: "A valid token is needed",
  403: "This is not allowed",
  404: "There is no such thing here",
  405: "This path does not take this method",
  408: "The request's body did not come in time",
  409: "The request is at odds with what is there",
  412: "The mesh is not at the revision that the request was made for",
  413: "The request's body is too large",
  415: "The request's body must be JSON",
  421: "This host is not this Worker's",
  422: "What was sent has problems",
  428: "The change has to be confirmed",
  429: "There were too many requests",
  500: "The control Worker failed; this is a bug",
  503: "The control plane is busy; try again",
} as const

export type ProblemStatus = keyof typeof TITLES

export interface ProblemExtras {
  readonly problems?: readonly Problem[]
  readonly head?: number
  readonly confirm?: ProblemDetails["confirm"]
  readonly headers?: Readonly<Record<string, string>>
}

/** `type` stays `about:blank`: the status says what kind of problem it is, `problems[].rule` says which. */
export function problem(status: ProblemStatus, detail?: string, extras: ProblemExtras = {}): Response {
  const { problems, head, confirm, headers } = extras
  const details: ProblemDetails = {
    type: "about:blank",
    title: TITLES[status],
    status,
    ...(detail !== undefined && { detail }),
    ...(problems && { problems }),
    ...(head !== undefined && { head }),
    ...(confirm && { confirm }),
  }
  return new Response(JSON.stringify(details), {
    status,
    headers: { ...headers, "content-type": "application/problem+json" },
  })
}

/** What escaped every handler. The id joins the answer to the log line; nothing else of the error leaves. */
export function crashed(error: unknown, id: string): Response {
  console.error(JSON.stringify({ message: "unexpected exception", id, error: describe(error) }))
  if (isOutage(error)) {
    // A reset does not tell whether the write was made: the key does.
    return problem(503, "Repeat the request; with the same Idempotency-Key it cannot act twice.", {
      headers: { "retry-after": "1" },
    })
  }
  return problem(500, `The log has more under ${id}.`)
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** The platform's own flags. Those of an error thrown by a callee's code (`remote`) are no proof of an outage. */
function isOutage(error: unknown): boolean {
  const flags = error as { remote?: boolean; retryable?: boolean; overloaded?: boolean; durableObjectReset?: boolean }
  if (typeof error !== "object" || error === null || flags.remote === true) return false
  return flags.retryable === true || flags.overloaded === true || flags.durableObjectReset === true
}
