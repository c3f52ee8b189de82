import { describe, expect, it } from "vitest"
import { compile } from "#shared/config/compile.ts"
import type { Complaint } from "#shared/config/complaint.ts"
import { findService, type Scope } from "#shared/config/scope.ts"
import { LIMITS } from "#shared/model/limits.ts"
import { type ServiceId, serviceId } from "#shared/model/names.ts"

describe("names that nobody declared", () => {
  it("are searched for only as long as hints are left: a search through all names for each would be a denial of service", () => {
    const complaints: Complaint[] = []
    const scope: Scope = {
      services: new Map<ServiceId, "broken">([[serviceId("default", "orders"), "broken"]]),
      gateways: new Map(),
      hints: { left: 1 },
      namespace: "default",
      report: (_path, complaint) => complaints.push(complaint),
    }
    findService(scope, "ordes", [])
    findService(scope, "ordes", [])
    expect(complaints.map(({ hint }) => hint)).toEqual(['did you mean "orders"?', undefined])
  })

  it("have a hint wherever the problem is told", () => {
    const rules = Array.from({ length: LIMITS.problemsMax + 50 }, (_, index) => ({
      match: { path: `/${index}` },
      backends: [{ service: "ordes" }],
    }))
    const content = { services: { orders: {} }, routes: { shop: { hosts: ["shop.test"], rules } } }
    const result = compile([], { documents: [{ source: "mesh.yaml", content }], prune: false, revision: 1 })
    if (!("problems" in result)) throw new Error("it was taken")
    const told = result.problems.filter(({ rule }) => rule === "unknown-service")
    expect(told).toHaveLength(LIMITS.problemsMax)
    expect(new Set(told.map(({ hint }) => hint))).toEqual(new Set(['did you mean "orders"?']))
  })
})
