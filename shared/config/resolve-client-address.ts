/** Whom a gateway believes about the public client's address. */
import type { ClientAddressDocument } from "#shared/model/gateway-document.ts"
import type { ClientAddress } from "#shared/model/route.ts"

export function resolveClientAddress(document: ClientAddressDocument): ClientAddress {
  const { trustedHops, trustedPeers = [], header = "x-forwarded-for" } = document
  const trust =
    trustedHops === undefined
      ? { by: "peers" as const, networks: trustedPeers }
      : { by: "hops" as const, hops: trustedHops }
  return { header, trust }
}
