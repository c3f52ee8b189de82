import { describe, expect, it } from "vitest"
import type { Applied, RevisionList, RolloutView, Status } from "#shared/protocol/control-api.ts"
import { call, documents, get, makeToken, problemOf } from "./support.ts"

const mesh = (name: string, namespace = "default") => ({ namespace, services: { [name]: {} } })
let changes = 0

async function apply(body: unknown, token?: string): Promise<Response> {
  return call("POST", "/v1/apply", { body, ...(token !== undefined && { token }) })
}

/** A change under guard, after one that is not. */
async function guarded(namespace = "default"): Promise<Applied> {
  changes += 1
  await apply(documents(mesh(`stable-${changes}`, namespace)))
  const response = await apply(
    documents(mesh(`candidate-${changes}`, namespace), { guard: { stages: [5], holdSeconds: 600 } }),
  )
  expect(response.status).toBe(200)
  return response.json()
}

const end = (action: string, more: object = {}, token?: string) =>
  call("POST", "/v1/rollout", { body: { action, ...more }, ...(token !== undefined && { token }) })

describe("an apply under guard", () => {
  it("without anything before it is one as any other", async () => {
    const response = await apply(documents(mesh("first"), { guard: {} }))
    expect(await response.json<Applied>()).not.toHaveProperty("guarded")
    expect(await get<RolloutView>("/v1/rollout")).toEqual({})
  })

  it("is told of in status and history, and lets no other change pass until it is promoted", async () => {
    const { revision, guarded: isGuarded } = await guarded()
    expect(isGuarded).toBe(true)
    const { head, rollout } = await get<Status>("/v1/status")
    expect(head).toMatchObject({ revision, guard: "running" })
    expect(rollout).toMatchObject({
      revision,
      stable: revision - 1,
      share: 5,
      policy: { stages: [5, 100], holdMs: 600_000 },
    })
    expect(rollout).not.toHaveProperty("touches")

    const refused = await apply(documents(mesh("other")))
    expect(refused.status).toBe(409)
    expect((await problemOf(refused)).detail).toContain(`Revision ${revision} is under guard`)
    expect((await call("DELETE", `/v1/resources/Service/default/stable-${changes}`)).status).toBe(409)

    const ended = await (await end("promote", { revision, message: "it is fine" })).json<RolloutView>()
    expect(ended.rollout).toMatchObject({ phase: "promoted", reason: "by root: it is fine" })
    expect((await get<Status>("/v1/status")).rollout).toBeUndefined()
    expect((await apply(documents(mesh("other")))).status).toBe(200)
  })

  it("is undone by hand, once", async () => {
    const { revision } = await guarded()
    expect((await end("undo", { revision: revision - 1 })).status).toBe(404)
    expect((await end("undo")).status).toBe(200)
    const { revisions } = await get<RevisionList>("/v1/revisions")
    expect(revisions[0]).toMatchObject({ revision: revision + 1, author: "guard", rollbackOf: revision - 1 })
    expect(revisions[1]).toMatchObject({ revision, guard: "undone" })
    expect((await end("undo")).status).toBe(404)
  })

  it("gives way to a rollback in one step", async () => {
    const { revision } = await guarded()
    const body = { to: "previous", force: true, message: "break glass" }
    const rolledBack = await (await call("POST", "/v1/rollback", { body })).json<Applied>()
    expect(rolledBack).toMatchObject({ revision: revision + 1, rollbackOf: revision - 1 })
    expect((await get<RolloutView>("/v1/rollout")).rollout).toMatchObject({
      phase: "superseded",
      undoneBy: revision + 1,
    })
  })

  it.each([
    [{ stages: [10, 5] }],
    [{ stages: [0] }],
    [{ stages: [101] }],
    [{ holdSeconds: 0 }],
    [{ requests: 0 }],
    [{ unknown: 1 }],
  ])("is refused with %j", async (guard) => {
    expect((await apply(documents(mesh("a"), { guard } as never))).status).toBe(400)
  })

  it("is ended by whose namespace it is in, and by nobody of another one", async () => {
    const own = await makeToken(`own-${changes}`, "operator", { namespaces: ["team-a"] })
    const other = await makeToken(`other-${changes}`, "operator", { namespaces: ["team-b"] })
    await guarded("team-a")
    expect((await end("undo", {}, other)).status).toBe(403)
    expect((await end("undo", {}, await makeToken(`viewer-${changes}`, "viewer"))).status).toBe(403)
    expect((await end("undo", {}, own)).status).toBe(200)
  })
})
