/** What Spring's tests run behind the gateway: an httpbin, and servers that fail on purpose. */
import type { Address } from "#shared/exchange/address.ts"
import type { RetryPolicy } from "#shared/model/policy.ts"
import { isRetried, mayRepeat, type Outcome } from "#shared/resilience/retry.ts"
import { type Fields, list, record } from "./gateway-api.ts"
import type { Told } from "./pure-mesh.ts"

const PLACES =
  /^\/httpbin\/(?:(?:get|post|put|patch|delete|headers|multivalueheaders|responseheaders|anything|retry\w*|sleep|delay|gzip|image|vary-on-header|ip|user-agent)(?:\/.*)?)?$/

/** Below `/httpbin`, what it has; everything else is not there. */
export function httpbin({ path }: Address, headers: Fields): { readonly status: number; readonly headers: Headers } {
  const [, status] = /^\/httpbin\/status\/(\d{3})$/.exec(path) ?? []
  const given = new Headers()
  for (const [name, value] of Object.entries(headers)) for (const one of list(value)) given.append(name, String(one))
  return { status: status === undefined ? (PLACES.test(path) ? 200 : 404) : Number(status), headers: given }
}

const BEHAVIOURS = ["alwaysFailsWith", "succeedsOnAttempt", "failWith", "delayMs"]

/** The status after all attempts, and how many there are; undefined where nobody here knows the behaviour. */
export function attemptsOf(
  told: Told,
  method: string,
  behaviour: Fields,
): { status: number; attempts: number } | undefined {
  if (Object.keys(behaviour).some((key) => !BEHAVIOURS.includes(key))) return undefined
  const { retry, timeouts } = told
  for (let attempt = 1; ; attempt++) {
    const outcome = outcomeOf(attempt, behaviour, timeouts?.attemptMs)
    const status = "status" in outcome ? outcome.status : 504
    if (!retry || attempt > retry.attempts || !isAgain(retry, method, outcome)) return { status, attempts: attempt }
  }
}

function isAgain(retry: RetryPolicy, method: string, outcome: Outcome): boolean {
  return mayRepeat(retry, method, false) && isRetried(retry, outcome)
}

function outcomeOf(attempt: number, behaviour: Fields, attemptMs: number | undefined): Outcome {
  const { alwaysFailsWith, succeedsOnAttempt, failWith, delayMs } = record(behaviour)
  if (delayMs !== undefined && attemptMs !== undefined && Number(delayMs) > attemptMs)
    return { refusal: "upstream_timeout" }
  const fails =
    alwaysFailsWith !== undefined || (succeedsOnAttempt !== undefined && attempt < Number(succeedsOnAttempt))
  return { status: fails ? Number(alwaysFailsWith ?? failWith ?? 500) : 200, headers: new Headers() }
}
