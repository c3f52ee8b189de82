/** The way out when all is wrong: one curl with the root secret, without the CLI. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, it } from "vitest"
import { apply } from "#cli/local/seed.ts"
import { readDocuments } from "#shared/config/text.ts"
import { eventually } from "#test/support/eventually.ts"
import { type ShopMesh, startShop, TOKEN } from "./shop-mesh.ts"

const OUTAGE = `
routes:
  shop:
    hosts: ["*"]
    rules:
      - filters: [{ respond: { status: 503, body: "all is down" } }]
`

let mesh: ShopMesh
beforeAll(async () => {
  mesh = await startShop()
})
afterAll(() => mesh?.stop())

it("ends an outage within 60 s, by one request that is sent twice", async () => {
  const status = async () => (await fetch(mesh.ingressUrl)).status
  await apply(mesh.controlUrl, TOKEN, { documents: readDocuments(OUTAGE, "outage.yaml").documents })
  await eventually(async () => (await status()) === 503)

  const breakGlass = () =>
    promisify(execFile)("curl", [
      ...["-sS", "-X", "POST", `${mesh.controlUrl}/v1/rollback`],
      ...["-H", `Authorization: Bearer ${TOKEN}`, "-H", "Content-Type: application/json"],
      ...["-d", '{"to": "previous", "force": true, "message": "break glass"}'],
    ])
  const startedAtMs = performance.now()
  const first = JSON.parse((await breakGlass()).stdout)
  expect(first).toMatchObject({ revision: 3, rollbackOf: 1 })
  // A second person, at the same time: there is nothing before, and the fault does not come back.
  expect(JSON.parse((await breakGlass()).stdout)).toMatchObject({ status: 404 })
  await eventually(async () => (await status()) === 200)
  expect(performance.now() - startedAtMs).toBeLessThan(60_000)
})
