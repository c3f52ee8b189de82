import { reset } from "cloudflare:test"
import { beforeEach, describe, expect, it } from "vitest"
import type { Applied, Plan, ResourceList } from "#shared/protocol/control-api.ts"
import { call, confirmed, get } from "./support.ts"

beforeEach(reset)

const GATEWAY = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "Gateway",
  metadata: { name: "public.web" },
  spec: { gatewayClassName: "weft", listeners: [{ name: "http", port: 80, protocol: "HTTP" }] },
}
const ROUTE = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  metadata: { name: "web" },
  spec: { parentRefs: [{ name: "public.web" }], rules: [{ backendRefs: [{ name: "orders", port: 80 }] }] },
}
const CLASS = { apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass", metadata: { name: "weft" } }

async function send<T>(path: string, ...contents: readonly object[]): Promise<T> {
  const documents = contents.map((content, index) => ({ source: `${index}.yaml`, content }))
  const response = await call("POST", path, { body: { documents } })
  expect(response.status, await response.clone().text()).toBe(200)
  return response.json()
}

const told = ({ notes = [] }: Pick<Plan, "notes">) =>
  notes.map(({ outcome, kind, reason }) => `${outcome} ${kind} ${reason}`)

describe("Kubernetes objects", () => {
  it("are applied beside native documents, in one revision", async () => {
    const applied = await send<Applied>("/v1/apply", GATEWAY, ROUTE, { services: { orders: {} } })
    expect(applied.revision).toBe(1)
    expect(applied.changes.map(({ kind }) => kind)).toEqual(["Gateway", "HTTPRoute", "Service"])
    expect(told(applied)).toEqual(["applied Gateway Accepted", "applied HTTPRoute Accepted"])
  })

  it("are accepted with a reference that leads nowhere, and that is told: by plan, by apply, and when asked for", async () => {
    const expected = ["applied HTTPRoute Accepted", "invalid HTTPRoute BackendNotFound"]
    expect(told(await send<Plan>("/v1/plan", GATEWAY, ROUTE))).toEqual(["applied Gateway Accepted", ...expected])
    expect(told(await send<Applied>("/v1/apply", GATEWAY, ROUTE))).toEqual(["applied Gateway Accepted", ...expected])
    expect(told(await get<ResourceList>("/v1/resources?kind=HTTPRoute"))).toEqual(expected)
    expect(await get<ResourceList>("/v1/resources?kind=Service")).not.toHaveProperty("notes")
  })

  it("of kinds that mean nothing here are told, and make no revision", async () => {
    const applied = await send<Applied>("/v1/apply", CLASS)
    expect(applied).toMatchObject({ revision: 0, changes: [] })
    expect(told(applied)).toEqual(["ignored GatewayClass UnsupportedKind"])
  })

  it("can be applied again as they are got", async () => {
    await send<Applied>("/v1/apply", GATEWAY, ROUTE)
    const { resources } = await get<ResourceList>("/v1/resources")
    expect(resources.map(({ spec }) => spec)).toEqual([GATEWAY, ROUTE])
    expect((await send<Applied>("/v1/apply", ...resources.map(({ spec }) => spec as object))).revision).toBe(1)
  })

  it("are removed by kind and name, also by a name with dots", async () => {
    await send<Applied>("/v1/apply", GATEWAY, ROUTE)
    const response = await confirmed("DELETE", "/v1/resources/Gateway/default/public.web")
    expect(response.status).toBe(200)
    const removed = await response.json<Applied>()
    expect(removed.changes).toMatchObject([{ action: "remove", kind: "Gateway", name: "public.web" }])
    expect(told(removed)).toContain("invalid HTTPRoute NoMatchingParent")
  })

  it("that a cluster would refuse are refused, with the place", async () => {
    const wrong = { ...ROUTE, spec: { ...ROUTE.spec, hostname: ["a.test"] } }
    const body = { documents: [{ source: "route.yaml", content: wrong }] }
    const response = await call("POST", "/v1/apply", { body })
    expect(response.status).toBe(422)
    expect(await response.json()).toMatchObject({
      problems: [
        {
          path: "spec.hostname",
          rule: "unknown-key",
          hint: 'did you mean "hostnames"?',
          source: { file: "route.yaml" },
        },
      ],
    })
  })
})
