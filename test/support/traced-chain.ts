/** Public traffic through four hops of the mesh, each the same proxy, which sends its spans to a collector. */
import type { MeshDocument } from "#shared/model/document.ts"
import { type Fleet, startFleet } from "./fleet.ts"

const LINK = "test/workers/proxy/workers/traced/link.ts"

export function startTracedChain(collector: string, vars: Readonly<Record<string, string>> = {}): Promise<Fleet> {
  const link = (to?: string) => ({ entry: LINK, ...(to && { calls: { NEXT: { proxy: "weft", to } } }) })
  return startFleet({
    proxies: { weft: { OTEL_EXPORTER_OTLP_ENDPOINT: collector, WEFT_LEASE_MS: "20", ...vars } },
    services: { storefront: link("orders"), orders: link("payments"), payments: link("ledger"), ledger: link() },
  })
}

export const CHAIN: MeshDocument = {
  services: { storefront: {}, orders: {}, payments: {}, ledger: {} },
  routes: {
    shop: {
      hosts: ["*"],
      rules: [
        { name: "items", match: { path: { template: "/items/{id}" } }, backends: [{ service: "storefront" }] },
        { name: "quiet", match: { path: "/quiet" }, tracing: { percent: 0 }, backends: [{ service: "storefront" }] },
        { name: "rest", backends: [{ service: "storefront" }] },
      ],
    },
    ledger: {
      service: "ledger",
      rules: [{ backends: [{ service: "ledger" }], retry: { attempts: 2, backoff: "10ms" } }],
    },
  },
}
