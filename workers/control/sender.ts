/** Where a request came from. It is written down and counted by, and never a reason to let anybody do anything. */
import { networkOf } from "#shared/std/network.ts"

export interface Sender {
  /** As the edge tells it; `unknown` where there is none, as on one's own machine. */
  readonly address: string
  /** What is counted as one sender: of IPv6 the /64 network. */
  readonly network: string
}

const UNKNOWN: Sender = { address: "unknown", network: "unknown" }
const ADDRESS = /^[0-9a-f:.]{3,45}$/

/** Cloudflare sets the header itself, whatever the client sent. Other headers, such as `X-Forwarded-For`, are the client's word. */
export function senderOf(request: Request): Sender {
  const address = request.headers.get("cf-connecting-ip")?.toLowerCase() ?? ""
  return ADDRESS.test(address) ? { address, network: networkOf(address) } : UNKNOWN
}
