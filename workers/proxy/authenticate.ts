/**
 * Stage `authenticate`: who the end user is. A request is judged at its door, a gateway or the service that it addresses, before
 * anything else is decided about it, and at every service that its rule may send it to once the rule is known. What it presents
 * was read once, as it came; what one checkpoint takes off is still there for the next.
 *
 * Nobody becomes anonymous by being wrong: a credential that proves nothing is refused, also where none is required.
 */
import { answersPreflights, doorOf, servicesMirrored, servicesReached } from "#shared/exchange/reach.ts"
import type { Checkpoint } from "#shared/identity/checkpoint.ts"
import { type CredentialFault, toldOf } from "#shared/identity/credential-fault.ts"
import type { Presented } from "#shared/identity/credentials.ts"
import { joined, type Passage } from "#shared/identity/passage.ts"
import type { ServiceId } from "#shared/model/names.ts"
import { isRefusal, type Refusal, refuse } from "#shared/model/refusal.ts"
import type { Entry } from "#shared/routing/table.ts"
import type { Known, Occasion } from "./authenticator.ts"
import type { Exchange } from "./exchange.ts"
import type { Mesh, Routes } from "./mesh.ts"

/** What the stage keeps of one exchange. */
export interface Proof {
  readonly presented: Presented
  /** A browser's question, which never carries credentials: it is answered by the mesh, or counts as nobody's. */
  readonly isPreflight: boolean
  readonly passed: Checkpoint[]
  /** The token that the user was established by. */
  token: string | undefined
  fault: CredentialFault | undefined
  /** Services that may not have a copy of the request. */
  readonly unmirrored: Set<ServiceId>
}

export function begun(presented: Presented, isPreflight: boolean): Proof {
  return { presented, isPreflight, passed: [], token: undefined, fault: undefined, unmirrored: new Set() }
}

/** The headers that credentials are looked for in, anywhere in the mesh. */
export function headersLookedFor(routes: Routes, mesh: Mesh): ReadonlySet<string> {
  return mesh.authenticator.checkpoints(routes)?.headers ?? NONE
}

const NONE: ReadonlySet<string> = new Set()

/** At the door. Undefined: nobody has to prove anything there. */
export async function passDoor(
  exchange: Exchange,
  entry: Entry,
  proof: Proof,
  mesh: Mesh,
): Promise<Passage | Refusal | undefined> {
  const checkpoints = mesh.authenticator.checkpoints(exchange.routes!)
  const door = checkpoints?.at(doorOf(entry))
  return door && pass(exchange, door, proof, mesh)
}

/** At the services that the rule sends to, those that stand in for them, and those that get copies. */
export async function passServices(
  exchange: Exchange,
  proof: Proof,
  mesh: Mesh,
): Promise<Passage | Refusal | undefined> {
  const { routes, matched, backend } = exchange
  const checkpoints = mesh.authenticator.checkpoints(routes!)
  const passages: Passage[] = []
  for (const service of servicesReached(routes?.services, matched, backend)) {
    const checkpoint = checkpoints?.at({ at: "service", service })
    if (!checkpoint || proof.passed.includes(checkpoint)) continue
    const passage = await pass(exchange, checkpoint, proof, mesh)
    if (isRefusal(passage)) return passage
    passages.push(passage)
  }
  for (const service of servicesMirrored(matched)) {
    const checkpoint = checkpoints?.at({ at: "service", service })
    if (!checkpoint || proof.passed.includes(checkpoint)) continue
    const known = await mesh.authenticator.judge(checkpoint, proof.presented, occasionOf(exchange, mesh))
    if ("fault" in known || (checkpoint.required && !isSomebody(known))) proof.unmirrored.add(service)
  }
  if (proof.isPreflight && proof.passed.some(({ required }) => required) && !answersPreflights(matched)) {
    return refused(proof, proof.passed.find(({ required }) => required)!, "no_credential")
  }
  return passages.length > 0 ? joined(passages) : undefined
}

async function pass(exchange: Exchange, checkpoint: Checkpoint, proof: Proof, mesh: Mesh): Promise<Passage | Refusal> {
  const cleared = checkpoint.marks
  if (proof.isPreflight) {
    proof.passed.push(checkpoint)
    const places = [...checkpoint.tokenPlaces, ...checkpoint.keyPlaces]
    return { cleared, marks: [], strip: places.map(({ place }) => place) }
  }
  const known = await mesh.authenticator.judge(checkpoint, proof.presented, occasionOf(exchange, mesh))
  if ("fault" in known) return refused(proof, checkpoint, known.fault, known.retryAfterMs)
  if (checkpoint.required && !isSomebody(known)) return refused(proof, checkpoint, "no_credential")
  const { principals } = exchange
  if (differ(proof.token, known.token) || differ(principals.key?.id, known.key?.id)) {
    return refused(proof, checkpoint, "several_credentials")
  }
  proof.passed.push(checkpoint)
  proof.token ??= known.token
  exchange.principals = { ...principals, user: principals.user ?? known.user, key: principals.key ?? known.key }
  return { cleared, marks: known.marks, strip: known.strip }
}

/** Two places of one request that establish two users leave open who is asking. */
function differ(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other
}

function isSomebody({ user, key }: Known): boolean {
  return user !== undefined || key !== undefined
}

function occasionOf({ routes, deadlineAtMs }: Exchange, mesh: Mesh): Occasion {
  return { routes: routes!, mesh, patienceMs: deadlineAtMs - mesh.nowMs() }
}

function refused(proof: Proof, checkpoint: Checkpoint, fault: CredentialFault, retryAfterMs?: number): Refusal {
  proof.fault = fault
  if (fault === "keys_unavailable") {
    return { ...refuse("keys_unavailable"), ...(retryAfterMs !== undefined && { retryAfterMs }) }
  }
  return { ...refuse("unauthenticated", toldOf(fault)), challenge: challengeOf(checkpoint, fault) }
}

/** RFC 6750 3.1: who brought nothing along is told no error. */
function challengeOf({ challenge }: Checkpoint, fault: CredentialFault): string {
  if (fault === "no_credential") return challenge
  const description = fault === "expired" ? ', error_description="the token has expired"' : ""
  return challenge.replace("Bearer", `Bearer error="invalid_token"${description}`)
}
