import { evictDurableObject } from "cloudflare:test"

type Stub = Parameters<typeof evictDurableObject>[0]

/** The object is gone from memory. On a busy machine it may have been put away for idling already. */
export async function evict(stub: Stub): Promise<void> {
  try {
    await evictDurableObject(stub)
  } catch (error) {
    if (!String(error).includes("not currently running")) throw error
  }
}
