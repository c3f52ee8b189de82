/** Stands for many isolates that report to one breaker's object: as fast as they can, or as often as the object wants it. */
import type { BreakerReport, BreakerRpc } from "#shared/protocol/breaker.ts"

interface Env {
  readonly BREAKER: DurableObjectNamespace
}

const CLUSTER = "default/upstream"
const POLICY = {
  windowMs: 10_000,
  volumeMin: 20,
  failureRatio: 0.5,
  coolDownMs: 600_000,
  coolDownMsMax: 600_000,
  probes: 1,
  successes: 1,
}
const REPORT: BreakerReport = {
  ...{ cluster: CLUSTER, policy: POLICY, revision: 1, generation: 0, probes: [], ask: false },
  tally: { total: 50, failed: 1, slow: 0, trailing: 0 },
}

export default {
  async fetch(request, { BREAKER }) {
    const { searchParams } = new URL(request.url)
    const [isolates, seconds, pace] = ["isolates", "seconds", "pace"].map((name) => Number(searchParams.get(name)))
    // A stub for each report, as proxies take it.
    const object = () => BREAKER.getByName(searchParams.get("object") ?? CLUSTER) as unknown as BreakerRpc
    const untilMs = Date.now() + seconds! * 1_000
    const tookMs: number[] = []
    let everyMs = 1_000
    const report = async () => {
      const startedAtMs = performance.now()
      const reply = await object().report(REPORT)
      tookMs.push(performance.now() - startedAtMs)
      return reply.everyMs ?? 1_000
    }
    await Promise.all(
      Array.from({ length: isolates! }, async (_, isolate) => {
        if (pace) await sleep((isolate * 1_000) / isolates!)
        while (Date.now() < untilMs) {
          const told = await report()
          everyMs = Math.max(told, pace ? told : 0)
          if (pace) await sleep(told > 1_000 ? told * (0.75 + Math.random() / 2) : told)
        }
      }),
    )
    tookMs.sort((a, b) => a - b)
    const at = (share: number) => tookMs[Math.floor(share * (tookMs.length - 1))]
    return Response.json({ perSecond: tookMs.length / seconds!, p50: at(0.5), p99: at(0.99), everyMs })
  },
} satisfies ExportedHandler<Env>

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
