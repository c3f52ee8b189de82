/** Waiting for what comes about by itself, on a machine that may be busy: the limit is for what hangs. */
import { setTimeout as sleep } from "node:timers/promises"

const PATIENCE_MS = 100_000

/** Until `holds`; the time that it took. */
export async function eventually(holds: () => boolean | Promise<boolean>, everyMs = 20): Promise<number> {
  for (const startedAtMs = performance.now(); ; await sleep(everyMs)) {
    const tookMs = performance.now() - startedAtMs
    if (await holds()) return performance.now() - startedAtMs
    if (tookMs > PATIENCE_MS) throw new Error(`not within ${PATIENCE_MS} ms: ${holds}`)
  }
}
