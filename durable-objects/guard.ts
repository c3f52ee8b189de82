/** What the root does about a guarded apply: has it watched, ends it, and undoes it when nobody watches. */
import { LIMITS } from "#shared/model/limits.ts"
import type { RolloutEnd, RolloutRecord, RolloutReport } from "#shared/protocol/rollout.ts"
import type { Alarm } from "./alarm.ts"
import type { Announcements } from "./announcements.ts"
import type { Deeds } from "./deeds.ts"
import type { Publisher } from "./publisher.ts"
import type { Revisions } from "./revisions.ts"
import { watch } from "./rollout.ts"
import { GUARD, type Rollouts } from "./rollouts.ts"

/** The root, as far as it is needed. */
export interface Root {
  readonly ctx: Pick<DurableObjectState, "storage" | "waitUntil">
  /** The objects that watch; without them, what is under guard is undone. */
  readonly watchers: DurableObjectNamespace | undefined
  readonly revisions: Revisions
  readonly announcements: Announcements
  readonly publisher: Publisher
  readonly alarm: Alarm
  readonly deeds: Deeds
}

export class Guard {
  readonly #rollouts: Rollouts
  readonly #root: Root

  constructor(rollouts: Rollouts, root: Root) {
    this.#rollouts = rollouts
    this.#root = root
  }

  heed(report: RolloutReport, nowMs: number): RolloutRecord | undefined {
    const heard = this.#rollouts.heed(report, nowMs)
    if (report.end) this.end({ revision: report.revision, ...report.end }, nowMs)
    else if (heard === "news") this.#root.publisher.announceNews(nowMs)
    return this.#rollouts.newest
  }

  /** The candidate is everybody's, or a new revision has the content of the one before it. Undefined: it was not under way. */
  end({ revision, phase, reason, cause }: RolloutEnd, nowMs: number): RolloutRecord | undefined {
    const { running } = this.#rollouts
    if (running?.revision !== revision) return undefined
    const { ctx, revisions, announcements, publisher, deeds, alarm } = this.#root
    ctx.storage.transactionSync(() => {
      const undoing = phase === "undone" ? this.#rollouts.undoing(running, reason, revisions) : undefined
      const undoneBy = undoing && revisions.append(revision + 1, undoing, nowMs).revision
      if (phase === "promoted") announcements.add(this.#rollouts.checksOf(revision), revision, nowMs)
      this.#rollouts.end(revision, { phase, reason, endedAtMs: nowMs, ...(undoneBy && { undoneBy }) })
      publisher.announce(nowMs)
      // Who ends it by hand is in the audit log with his request.
      if (cause) {
        const onBehalfOf = revisions.summary(revision)?.author
        deeds.add({
          ...{ id: `guard-${revision}-${phase}`, who: GUARD, operation: phase === "undone" ? "undo" : "promote" },
          ...{ target: `revision ${revision}`, reason: cause, revision: undoneBy ?? revision, atMs: nowMs },
          ...(onBehalfOf !== undefined && { onBehalfOf }),
        })
        alarm.wakeAt(nowMs)
      }
    })
    publisher.announceNews(nowMs)
    return this.#rollouts.newest
  }

  /** Sees to it that somebody watches the candidate, or undoes it. */
  run(nowMs: number): void {
    const due = this.#rollouts.due(nowMs)
    const { running } = this.#rollouts
    if (!running) return
    const { ctx, watchers, alarm } = this.#root
    if (due?.do === "undo") {
      const { reason, cause } = due
      this.end({ revision: running.revision, phase: "undone", reason, cause }, nowMs)
    }
    if (due?.do !== "undo") alarm.wakeAt(nowMs + LIMITS.rolloutWakeMs)
    if (due?.do === "wake" && watchers) ctx.waitUntil(watch(watchers, running))
  }
}
