/** The control Worker, with a way past all its checks: what is sent to `/tamper` becomes the next revision's snapshot as it is. */

import { digest } from "#shared/model/snapshot-codec.ts"
import { MESH } from "#shared/protocol/route-table.ts"
import type { ControlEnv } from "#workers/control/env.ts"
import control from "#workers/control/index.ts"

export * from "#workers/control/index.ts"

interface Tampering {
  readonly text: string
  /** Instead of the text's own. */
  readonly digest?: string
}

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname !== "/tamper") return control.fetch!(request, env, context)
    const { text, digest: claimed }: Tampering = await request.json()
    const table = env.ROUTE_TABLE.getByName(MESH)
    const expected = (await table.head())?.revision ?? 0
    const about = { author: "tamperer", message: "", added: 0, changed: 0, removed: 0, documents: '{"resources":[]}' }
    const hash = claimed ?? (await digest(text))
    const commit = { ...about, expected, idempotencyKey: crypto.randomUUID(), snapshot: text, digest: hash }
    return Response.json(await table.commit(commit))
  },
} satisfies ExportedHandler<ControlEnv>
