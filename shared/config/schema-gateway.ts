/** The shape of gateways in documents. */
import * as z from "zod"
import type * as D from "#shared/model/gateway-document.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { parseNetwork } from "#shared/std/ip.ts"
import * as check from "./checks.ts"
import { type Complaint, complain, quote } from "./complaint.ts"
import { conflict, list, object, optional, text, whole } from "./schema-kit.ts"

function checkNetwork(written: string): Complaint | undefined {
  if (parseNetwork(written)) return undefined
  return complain("bad-network", `${quote(written)} is not an address or a network`, 'write it like "198.51.100.0/24"')
}

const listener = object<D.ListenerDocument>("Listener", {
  name: text(check.checkName),
  hostname: optional(text(check.checkHostname)),
  port: optional(whole(1, 65_535)),
  protocol: optional(z.enum(["http", "https"])),
})

const clientAddress = object<D.ClientAddressDocument>(
  "ClientAddress",
  {
    trustedHops: optional(
      whole(1, LIMITS.trustedHopsMax),
      "So many of them stand before the edge, each of which appends to the header whom it talked to.",
    ),
    trustedPeers: optional(
      list(text(checkNetwork), { min: 1, max: LIMITS.trustedPeersMax }),
      "Their addresses and networks: `198.51.100.0/24`.",
    ),
    header: optional(
      z.enum(["x-forwarded-for", "forwarded"]),
      "The header that they append to. Default `x-forwarded-for`.",
    ),
  },
  (value) =>
    "trustedHops" in value || "trustedPeers" in value
      ? conflict(value, ["trustedHops", "trustedPeers"])
      : complain("missing-key", 'One of "trustedHops", "trustedPeers" must be there'),
)

export const gateway = object<D.GatewayDocument>("Gateway", {
  listeners: list(listener, { min: 1, max: LIMITS.listenersMax }),
  clientAddress: optional(
    clientAddress,
    "Proxies of your own that stand between the public and the edge. Without: the client is who the edge talks to.",
  ),
})
