/**
 * Notifications of alerts for services of the mesh. Control knows what to say, only the proxy can reach who is to hear. They are requests like
 * any other, by a caller of their own: routes, policies, timeouts and breakers hold for them, and are counted by them.
 */
import type { Entrance } from "#shared/exchange/decide.ts"
import { ALERTS_CALLER } from "#shared/model/alerting.ts"
import { HEADER } from "#shared/protocol/headers.ts"
import type { DeliverCall, DeliverReply } from "#shared/protocol/health.ts"
import { sidecarDoor } from "./door.ts"

export async function deliver(
  { service, path, headers, body }: DeliverCall,
  enter: (request: Request, door: Entrance) => Promise<Response>,
): Promise<DeliverReply> {
  const door = sidecarDoor({ from: ALERTS_CALLER, to: service })
  if (!door) throw new Error(`${service} is not the name of a service`)
  const host = service.slice(service.indexOf("/") + 1)
  const request = new Request(`http://${host}${path}`, { method: "POST", headers, body, redirect: "manual" })
  const response = await enter(request, door)
  // What it says beyond its status interests nobody, and may be endless.
  await response.body?.cancel()
  const [refusal, retryAfter] = [response.headers.get(HEADER.refusal), response.headers.get("retry-after")]
  return {
    status: response.status,
    ...(refusal !== null && { refusal }),
    ...(retryAfter !== null && { retryAfter }),
  }
}
