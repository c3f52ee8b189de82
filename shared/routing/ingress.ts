/**
 * Public traffic: from a gateway's port and a request's host to the routes that may take it.
 *
 * A listener isolates (Gateway API: HTTPListenerIsolation): the listener with the most specific hostname is chosen
 * first, and only routes attached to it count. A route's effective hostnames on a listener are the intersection of
 * both, so that `*.specific.com` on the listener `very.specific.com` is `very.specific.com`, beside routes that name
 * it.
 *
 * Then the most specific effective hostname is chosen, and only its routes count: a request that none of them takes
 * is answered 404, and is not given to the routes of a wildcard. The Gateway API leaves this open; Envoy, and what is
 * built on it, does the same. Whoever names a host thereby owns all of its paths, and a route written for `*` cannot
 * show through where nobody thought of it.
 */
import type { Attachment, Gateway, Listener, Route } from "#shared/model/route.ts"
import { Bucket } from "./bucket.ts"
import { ANY_HOST, HostIndex, intersect } from "./hostnames.ts"
import type { RegexPool } from "./regex.ts"

export type Protocol = "http" | "https"
type GatewayAttachment = Extract<Attachment, { to: "gateway" }>

const OTHER_PORT = -1

/** Where on a gateway a request arrived. */
export interface Place {
  readonly listener: Listener
  /** The effective hostname, as a pattern. */
  readonly hostname: string
  readonly bucket: Bucket
}

export class Ingress {
  readonly #listeners: readonly Listener[]
  readonly #regexes: RegexPool
  readonly #attached: { readonly attachment: GatewayAttachment; readonly route: Route }[] = []
  readonly #ports: ReadonlySet<number | undefined>
  /** All ports that no listener names are one, so that requests cannot make these grow. */
  readonly #byPort = { http: new Map<number, HostIndex<Listener>>(), https: new Map<number, HostIndex<Listener>>() }
  readonly #hosts = new Map<Listener, HostIndex<Place>>()

  constructor(gateway: Pick<Gateway, "listeners">, regexes: RegexPool) {
    this.#listeners = gateway.listeners
    this.#regexes = regexes
    this.#ports = new Set(gateway.listeners.map((listener) => listener.port))
  }

  attach(attachment: GatewayAttachment, route: Route): void {
    this.#attached.push({ attachment, route })
  }

  listener(port: number, protocol: Protocol, host: string): Listener | undefined {
    const named = this.#ports.has(port) ? port : OTHER_PORT
    let index = this.#byPort[protocol].get(named)
    if (!index) {
      index = this.#listenersOf(named, protocol)
      this.#byPort[protocol].set(named, index)
    }
    return index.find(host)
  }

  place(listener: Listener, host: string): Place | undefined {
    let hosts = this.#hosts.get(listener)
    if (!hosts) {
      hosts = this.#hostsOf(listener)
      this.#hosts.set(listener, hosts)
    }
    return hosts.find(host)
  }

  /** Of two listeners for one hostname the one that names the port wins, then the one that names the protocol. */
  #listenersOf(port: number, protocol: Protocol): HostIndex<Listener> {
    const index = new HostIndex<Listener>()
    for (const listener of this.#listeners) {
      if (listener.port !== undefined && listener.port !== port) continue
      if (listener.protocol !== undefined && listener.protocol !== protocol) continue
      const hostname = listener.hostname ?? ANY_HOST
      const rival = index.get(hostname)
      if (!rival || specificity(listener) > specificity(rival)) index.set(hostname, listener)
    }
    return index
  }

  #hostsOf(listener: Listener): HostIndex<Place> {
    const hosts = new HostIndex<Place>()
    for (const { attachment, route } of this.#attached) {
      if (attachment.listener !== undefined && attachment.listener !== listener.name) continue
      const hostname = intersect(listener.hostname ?? ANY_HOST, attachment.hostname)
      if (hostname === undefined) continue
      let place = hosts.get(hostname)
      if (!place) {
        place = { listener, hostname, bucket: new Bucket(this.#regexes) }
        hosts.set(hostname, place)
      }
      place.bucket.add(route)
    }
    return hosts
  }
}

function specificity(listener: Listener): number {
  return (listener.port === undefined ? 0 : 2) + (listener.protocol === undefined ? 0 : 1)
}
