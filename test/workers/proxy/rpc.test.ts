/** One caller, one callee: the same code through a direct binding and through the mesh must see the same. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startTestMesh, type TestMesh } from "./mesh.ts"

let mesh: TestMesh
beforeAll(async () => {
  mesh = await startTestMesh({
    services: { callee: {}, caller: {}, unbound: {} },
    routes: {
      revision: { hosts: ["revision.test"], rules: [{ filters: [{ respond: { status: 200 } }] }] },
      callee: {
        service: "callee",
        rules: [
          { name: "slow", match: { rpc: "slow" }, backends: [{ service: "callee" }], timeout: "100ms" },
          { name: "rest", backends: [{ service: "callee" }] },
        ],
      },
    },
  })
})
afterAll(() => mesh?.stop())

async function run(scenario: string, by: string): Promise<{ value?: unknown; error?: Record<string, unknown> }> {
  const response = await mesh.dispatchTo("caller", new Request(`http://caller/rpc/${scenario}?by=${by}`))
  return (await response.json()) as { value?: unknown; error?: Record<string, unknown> }
}

describe("RPC through the mesh is RPC without it", () => {
  it.each([
    ["a method", "method", { value: 5 }],
    ["a property", "property", { value: "7" }],
    ["a method of a property", "nested", { value: "user 4" }],
    ["an RpcTarget that keeps its state", "target", { value: 7 }],
    ["pipelined calls", "pipelined", { value: 5 }],
    ["a callback", "callback", { value: 30 }],
    ["a function as result", "function", { value: 42 }],
    ["a stream as result", "streamBack", { value: "one\ntwo\n" }],
    ["a stream as argument", "streamThere", { value: 5 }],
    ["a Response as result", "response", { value: [201, "rpc", "made by RPC"] }],
    ["no argument", "noArguments", { value: 0 }],
    ["three arguments", "threeArguments", { value: 3 }],
    ["a call without context", "noContext", { value: null }],
    ["fetch on the same binding", "fetch", { value: "fetched /some/path" }],
  ])("%s", async (_what, scenario, expected) => {
    expect(await run(scenario, "DIRECT")).toEqual(expected)
    expect(await run(scenario, "MESH")).toEqual(expected)
  })

  it.each([
    ["an error keeps its type, message and own properties", "error"],
    ["a method that is not there", "missing"],
    ...["queue", "email", "tail", "trace", "env", "ctx", "constructor", "alarm"].map((name) => [
      `a method by the runtime's name ${name}`,
      name,
    ]),
  ])("%s", async (_what, scenario) => {
    const direct = await run(scenario, "DIRECT")
    expect(direct.error).toBeDefined()
    expect((await run(scenario, "MESH")).error).toEqual(direct.error)
  })

  it("an error of the callee's own class is a RangeError with its code", async () => {
    expect((await run("error", "MESH")).error).toMatchObject({
      range: true,
      code: "OUT_OF_STOCK",
      message: "no scarves left",
    })
  })
})

describe("what the mesh adds to RPC", () => {
  it("continues the trace of an explicit context and keeps what else is in it", async () => {
    const { value } = (await run("context", "MESH")) as { value: Record<string, unknown> }
    expect(value).toMatchObject({ tenant: "a", "weft-hops": 1 })
    expect(value.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/)
    expect(value.traceparent).not.toContain("b7ad6b7169203331")
  })

  it("refuses with an error that says so, and what to do", async () => {
    expect((await run("method", "NAMELESS")).error).toMatchObject({
      name: "WeftRefusal",
      refusal: "unauthenticated",
      status: 401,
    })
    expect((await run("method", "UNBOUND")).error).toMatchObject({ refusal: "no_healthy_endpoint", retryable: true })
    expect((await run("method", "ANY")).error).toMatchObject({ refusal: "service_not_found" })
  })

  it("tells the caller when the route's time is over", async () => {
    expect(await run("slow", "DIRECT")).toEqual({ value: "done" })
    expect((await run("slow", "MESH")).error).toMatchObject({ refusal: "deadline_exceeded", status: 504 })
  })

  it("ends a chain of too many hops", async () => {
    expect((await run("hops", "MESH")).error).toMatchObject({ refusal: "loop_detected", status: 508 })
  })
})
