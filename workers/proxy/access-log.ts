/** The access log of an isolate: what the mesh logs everywhere or not at all, and what rules say beside that. */
import { isRefusal, type Refusal } from "#shared/model/refusal.ts"
import type { AccessLogPolicy } from "#shared/model/route.ts"
import { isLogged, logLine } from "#shared/telemetry/access-log.ts"
import type { AccessRecord } from "#shared/telemetry/access-record.ts"
import type { Mesh } from "./mesh.ts"
import type { Answered, Asked } from "./recorder.ts"

const EVERYTHING: AccessLogPolicy = { percent: 100, failures: true }

export class AccessLog {
  readonly #everywhere: AccessLogPolicy | undefined
  readonly #write: (line: string) => void

  constructor(isOn: boolean, write: (line: string) => void) {
    this.#everywhere = isOn ? EVERYTHING : undefined
    this.#write = write
  }

  /** By the rule's policy, else the mesh's. Undefined: it is not logged. */
  policyFor(
    ofRule: AccessLogPolicy | undefined,
    answer: Answered | Refusal,
    status: number,
    durationMs: number,
    mesh: Pick<Mesh, "roll">,
  ): AccessLogPolicy | undefined {
    const policy = ofRule ?? this.#everywhere
    if (!policy) return undefined
    const refusal = isRefusal(answer) ? answer.refusal : undefined
    return isLogged(policy, { status, refusal }, durationMs, () => mesh.roll()) ? policy : undefined
  }

  write(record: AccessRecord, policy: AccessLogPolicy, asked: Asked): void {
    this.#write(logLine(record, policy, asked.headers))
  }
}
