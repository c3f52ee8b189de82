/**
 * What decides, as the product has it, in one record: so that a bug can be planted in any of it, and the simulator be shown to find it.
 */
import { decideCommit } from "#shared/propagation/commit.ts"
import { convergence } from "#shared/propagation/convergence.ts"
import * as lease from "#shared/propagation/lease.ts"
import { acknowledged, asked, lacks, nextDueMs, unacknowledged } from "#shared/propagation/outbox.ts"
import {
  acknowledge,
  acknowledgement,
  answer,
  askedInVain,
  askInMs,
  isCutOff,
  newerFor,
  take,
} from "#shared/propagation/relay.ts"

export const CORES = {
  ...{ decideCommit, convergence },
  ...{ acknowledged, asked, lacks, nextDueMs, unacknowledged },
  ...{ acknowledge, acknowledgement, isCutOff, answer, askedInVain, askInMs, newerFor, take },
  ...lease,
  /** Answers, and pushes, leave an object only when what it wrote is on disk. */
  gatesAnswers: true,
  gatesPushes: true,
  /** Whoever takes a text up looks whether it has its digest. */
  checksDigest: true,
}

export type Cores = typeof CORES

/** Each breaks one promise. */
export const PROPAGATION_PLANTS: Readonly<Record<string, { readonly breaks: string; readonly cores: Partial<Cores> }>> =
  {
    "acknowledge-before-disk": { breaks: "acknowledged-lost", cores: { gatesAnswers: false } },
    "push-before-disk": { breaks: "torn", cores: { gatesPushes: false } },
    "head-not-compared": {
      breaks: "compare-and-set",
      cores: {
        decideCommit: (head, _expected, earlier) =>
          earlier === undefined
            ? { outcome: "commit", revision: head + 1 }
            : { outcome: "repeated", revision: earlier },
      },
    },
    "keys-forgotten": {
      breaks: "once-per-key",
      cores: { decideCommit: (head, expected) => decideCommit(head, expected, undefined) },
    },
    "number-skipped": {
      breaks: "dense",
      cores: {
        decideCommit: (head, expected, earlier) => {
          const decided = decideCommit(head, expected, earlier)
          return decided.outcome === "commit" && head === 3 ? { ...decided, revision: head + 2 } : decided
        },
      },
    },
    "isolate-goes-back": {
      breaks: "monotonic",
      cores: {
        isWanted: ({ serving }, revision) => revision !== serving,
        newerFor: (head, text, pull) => newerFor(head, text, { ...pull, serving: 0 }),
        answer: (relay, pull, nowMs) => answer(relay, { ...pull, serving: 0 }, nowMs),
      },
    },
    "gap-taken": {
      breaks: "torn",
      cores: {
        take: (relay, bulletin, asOfMs, how) => {
          const text = bulletin.head.digest === relay.head.digest ? relay.text : (bulletin.text ?? relay.text)
          return take(relay, { ...bulletin, text }, asOfMs, how)
        },
        checksDigest: false,
      },
    },
    "digest-unchecked": { breaks: "torn", cores: { checksDigest: false } },
    "floor-ignored": { breaks: "causal", cores: { patienceMs: () => 0, missed: (one) => one } },
    "sleeper-serves": { breaks: "done-is-a-fact", cores: { hasSlept: () => false, patienceMs: neverAsleep } },
    "silent-not-unsure": {
      breaks: "done-is-a-fact",
      cores: {
        convergence: (of, witnesses) =>
          convergence(
            of,
            witnesses.map(({ status, view }) => {
              if (!view) return { status, view }
              const { watchingSinceMs: _, ...sure } = view
              return { status, view: sure }
            }),
          ),
      },
    },
    "nobody-asks-again": {
      breaks: "converges",
      cores: { unacknowledged: () => undefined, askInMs: (relay) => (relay.head.revision === 0 ? 0 : undefined) },
    },
    "refused-for-ever": {
      breaks: "converges",
      cores: { isWanted: ({ serving, refused }, revision) => revision > serving && !refused },
    },
    "ageless-news": {
      breaks: "news-age",
      cores: {
        answer: (relay, pull, nowMs) => {
          const { ageMs: _, ...young } = answer(relay, pull, nowMs)
          return young
        },
      },
    },
  }

function neverAsleep(one: lease.Lease, floor: number, leaseMs: number, nowMs: number): number {
  return floor > one.serving || one.serving === 0 ? lease.patienceMs(one, floor, leaseMs, nowMs) : 0
}
