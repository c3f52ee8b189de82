/** Ways in for public traffic, as documents write them. */

export interface GatewayDocument {
  listeners: ListenerDocument[]
  /** Proxies of your own that stand between the public and the edge. Without: the client is who the edge talks to. */
  clientAddress?: ClientAddressDocument
}

/** Exactly one of `trustedHops` and `trustedPeers`. */
export interface ClientAddressDocument {
  /** So many of them stand before the edge, each of which appends to the header whom it talked to. */
  trustedHops?: number
  /** Their addresses and networks: `198.51.100.0/24`. */
  trustedPeers?: string[]
  /** The header that they append to. Default `x-forwarded-for`. */
  header?: "x-forwarded-for" | "forwarded"
}

export interface ListenerDocument {
  name: string
  hostname?: string
  port?: number
  protocol?: "http" | "https"
}
