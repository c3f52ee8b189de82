/** Splits that remember: the same backend for the same user, chain, caller or session. */
import type { Backend, Sticky } from "#shared/model/route.ts"
import { hash32, unitHash } from "#shared/std/hash.ts"
import { Reader, type RequestHead } from "./head.ts"
import { split } from "./split.ts"

export interface StickyChoice {
  readonly backend: Backend | undefined
  /** A `set-cookie` header for the response: the session begins here. */
  readonly setCookie: string | undefined
}

/** The backend of a sticky split. `dice` decides where the request brings nothing to stick to. */
export function stickySplit(
  backends: readonly Backend[],
  sticky: Sticky,
  head: RequestHead,
  traceId: string,
  dice: number,
): StickyChoice {
  if (sticky.by === "session") return sessionSplit(backends, sticky, head, dice)
  const value = stickyValue(sticky, head, traceId)
  return { backend: split(backends, value === null ? dice : unitHash(value)), setCookie: undefined }
}

type Session = Extract<Sticky, { by: "session" }>

function sessionSplit(backends: readonly Backend[], sticky: Session, head: RequestHead, dice: number): StickyChoice {
  const token = new Reader(head).cookie(sticky.cookie)
  const kept = token === null ? undefined : backends.find((backend) => tokenOf(backend) === token)
  if (kept) return { backend: kept, setCookie: undefined }
  const backend = split(backends, dice)
  return { backend, setCookie: backend && setCookie(sticky, backend) }
}

function setCookie({ cookie, maxAgeSeconds }: Session, backend: Backend): string {
  const life = maxAgeSeconds === undefined ? "" : `; Max-Age=${maxAgeSeconds}`
  return `${cookie}=${tokenOf(backend)}; Path=/; HttpOnly; SameSite=Lax${life}`
}

/** Names a backend without telling how services are called inside. */
function tokenOf({ service, subset }: Backend): string {
  return hash32(`${service} ${subset ?? ""}`).toString(36)
}

function stickyValue(sticky: Exclude<Sticky, Session>, head: RequestHead, traceId: string): string | null {
  switch (sticky.by) {
    case "header":
      return head.headers.get(sticky.name)
    case "cookie":
      return new Reader(head).cookie(sticky.name)
    case "chain":
      return traceId
    case "caller":
      return head.caller ?? null
  }
}
