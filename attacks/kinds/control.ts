/** What cases of the kinds `admin` and `config` ask of control, byte for byte, and what the mesh holds before and after. */
import type { AttackRequest } from "#attacks/case.ts"
import { answerOf, bytesOf, send, type WireAnswer } from "#attacks/wire.ts"
import { ADMIN_TOKEN, type World } from "#attacks/world.ts"

/** Statuses by which control says no to a configuration: to its documents, to its form, to what it would remove. */
export const REFUSED: readonly number[] = [422, 400, 428]

export async function sendToControl(world: World, request: AttackRequest): Promise<WireAnswer> {
  return answerOf(await send(world.controlPort, bytesOf(request), request.method))
}

/** An apply of documents given as text, which need not be JSON. */
export function applying(
  documents: readonly string[],
  more: { readonly prune?: boolean; readonly token?: string } = {},
): AttackRequest {
  const { prune = false, token = ADMIN_TOKEN } = more
  const sourced = documents.map((content) => `{"source":"case","content":${content}}`)
  return {
    method: "POST",
    rawPath: "/v1/apply",
    headers: [
      ["Host", "admin.test"],
      ["Authorization", `Bearer ${token}`],
      ["Content-Type", "application/json"],
    ],
    body: Buffer.from(`{"documents":[${sourced.join(",")}],"prune":${prune}}`).toString("latin1"),
  }
}

/** Numbers beyond all bounds are JSON too. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** All that the mesh holds, to be compared. */
export async function contentOf(world: World): Promise<string> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
  const response = await fetch(`${world.controlUrl}/v1/resources`, { headers })
  return response.text()
}
