/**
 * All that the pipeline needs of the world, as one small interface: the same pipeline can run in a Worker of its own or
 * embedded in a service's Worker, and tests can hand it a world of their own.
 */
import type { Surroundings } from "#shared/exchange/admit.ts"
import type { Entrance } from "#shared/exchange/decide.ts"
import type { AccessTable } from "#shared/identity/access.ts"
import type { TrustedPeers } from "#shared/identity/client-address.ts"
import type { Authentication } from "#shared/model/authentication.ts"
import type { GatewayId, ServiceId } from "#shared/model/names.ts"
import type { Route } from "#shared/model/route.ts"
import type { Endpoint, Service } from "#shared/model/service.ts"
import type { ProbeReport, ProbeSettings, Ticket } from "#shared/protocol/probe.ts"
import type { RouteTable } from "#shared/routing/table.ts"
import type { Authenticator } from "./authenticator.ts"
import type { Ledger } from "./ledger.ts"
import type { Limiter } from "./limiter.ts"
import type { Svids } from "./svids.ts"
import type { Telemetry } from "./telemetry.ts"

export interface Mesh extends Background {
  /** What this isolate knows of the clusters it sends to. */
  readonly ledger: Ledger
  readonly limiter: Limiter
  /** Says who calls, to upstreams outside the mesh. */
  readonly svids: Svids
  /** Takes what became of exchanges. */
  readonly telemetry: Telemetry
  readonly authenticator: Authenticator
  /** The routes to go by, read once in an exchange. Undefined: ask `settledRoutes`. */
  readonly routes: Routes | undefined
  /** Waits a bounded while for routes that are on their way, of this revision or a newer one. */
  settledRoutes(floor: number): Promise<Routes | undefined>
  /** The data centre that this isolate runs in, as the platform names it (`AMS`), once a request told. */
  readonly colo: string | undefined
  /** Which revision such a token asks for, as control signed it; 0 for none. */
  floorOf(token: string): Promise<number>
  /** A ticket that control has signed and that still holds. */
  ticketOf(header: string): Promise<Ticket | undefined>
  /** What a probe is told of the proxy itself. */
  readonly settings: ProbeSettings
  /** Calls each kind of object once; none takes longer than a bounded while. */
  measureObjects(): Promise<NonNullable<ProbeReport["objects"]>>
  nowMs(): number
  /** A throw of the dice in [0, 1). */
  roll(): number
  randomHex(digits: number): string
  sleep(ms: number): Promise<void>
  /** Undefined when the proxy has no such binding. */
  destination(endpoint: Endpoint): Destination | undefined
  /** What stands before the proxy. */
  readonly surroundings: Surroundings
  /** Whether a request through this door may ask how the mesh decided. */
  mayDebug(entrance: Entrance): boolean
}

/** Lets work go on after the response, without anybody waiting for it: an `ExecutionContext` is one. */
export interface Background {
  waitUntil(promise: Promise<unknown>): void
}

/** A compiled snapshot. */
export interface Routes {
  readonly revision: number
  /** Of the snapshot that they were compiled from. */
  readonly digest: string
  /** Others may not have heard of the revision before. */
  readonly newUntilMs: number
  /** Without services and routes: only a mesh that somebody emptied on purpose comes to be so. */
  readonly isEmpty: boolean
  /** Some rule has traces begin. */
  readonly isTraced: boolean
  /** They are those of a guarded apply, which only some chains go by. */
  readonly isCandidate: boolean
  /** Of a candidate: the services that the stable revision has otherwise, whose state in the isolate is kept apart. */
  readonly apart: ReadonlySet<ServiceId> | undefined
  /** As they were compiled. */
  readonly written: readonly Route[]
  /** Beside them, those of a guarded apply. Absent: all go by these. */
  readonly candidate: Candidate | undefined
  readonly table: RouteTable
  readonly services: ReadonlyMap<ServiceId, Service>
  /** Absent: nobody has to prove anything. */
  readonly authentications: readonly Authentication[] | undefined
  /** Absent: everybody may do everything. */
  readonly access: AccessTable | undefined
  /** By gateway, whom it believes about the client's address. Absent: the edge alone, everywhere. */
  readonly trustedPeers: ReadonlyMap<GatewayId, TrustedPeers> | undefined
}

/** A guarded apply's routes, which some chains go by. */
export interface Candidate {
  readonly routes: Routes
  /** Percent of chains; it grows. */
  share: number
  /** Nobody goes by it who has not heard of it for so long: it may have been undone. */
  untilMs: number
}

/** A place that takes requests. A service binding is one as it is. */
export interface Destination {
  fetch(input: RequestInfo, init?: RequestInit): Promise<Response>
}
