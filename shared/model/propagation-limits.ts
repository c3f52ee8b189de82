/** The limits of how revisions and verdicts reach isolates; part of `LIMITS`. Times in milliseconds. */
export const PROPAGATION_LIMITS = {
  /** How long an isolate goes by its routes before it asks for newer ones; jittered by a quarter either way. */
  snapshotLeaseMs: 2_000,
  /** A pull that takes longer is given up on. */
  snapshotPullMs: 5_000,
  /** How long the very first request of an isolate waits for routes before it is refused. */
  snapshotFirstWaitMs: 5_000,
  /** An isolate whose lease began longer ago than so many leases asks before it serves, but waits no longer than `floorWaitMs`. */
  snapshotSleepLeases: 2.5,
  /** A refused snapshot is asked for again after this long. */
  snapshotRefusedMs: 60_000,
  /** A request that was promised a revision waits so long for it, then is served by what there is, and counted. */
  floorWaitMs: 50,
  /** How long a ticket of `weft doctor` is good for. */
  probeTicketMs: 5 * 60 * 1000,
  /** An object that does not answer a probe by then has failed. */
  probeObjectMs: 5_000,
  /** How long a token holds that asks for a revision. */
  consistencyTokenMs: 15 * 60 * 1000,
  /** How long a hop tells the next which revision it goes by, after it took that up: by then everybody has it. */
  floorToldMs: 15_000,

  /** A relay is given up on after this long, and the root asked instead; that again only after a pause that doubles up to the last figure. */
  relayPatienceMs: 1_000,
  rootPatienceMs: 4_000,
  rootPauseMs: 2_000,
  rootPauseMsMax: 30_000,
  /** A relay that has not heard of the root for this long asks it, and waits this long for its word before it answers by what it has. */
  relayLeaseMs: 5_000,
  relayAskMs: 500,
  /** Isolates of a relay that has not heard of the root for this long ask the root themselves. */
  relayCutOffMs: 10_000,
  /** Asked for a revision that it does not have, a relay asks the root at most this often; whoever wants it waits for that. */
  relayFloorMs: 25,
  /** How long control waits for a relay's own account. */
  relayViewMs: 1_000,
  /** A relay that nobody asks is pushed to no more; it asks again when it is. */
  relayIdleMs: 60_000,
  /** Pulls a second at which a region's isolates are spread over twice as many relays, and over how many at most. */
  relayPullsMax: 500,
  relaySpreadMax: 16,
  /** Relays that the root pushes to: all regions at their widest, with room. */
  relaysMax: 256,
  /** A push that takes longer has failed; the next waits twice as long as the one before, within these bounds. */
  pushMs: 2_000,
  /** Changes that come faster than this go to a relay together. */
  pushGapMs: 100,
  pushPauseMs: 250,
  pushPauseMsMax: 10_000,
  /** A relay that has taken no push for this long is forgotten. */
  pushGivenUpMs: 10 * 60 * 1000,
  /** Texts on their way to relays at a time; larger ones travel fewer at a time. */
  pushBytesMax: 32 * 1024 * 1024,
  /** Larger snapshots are told by their digest; isolates look into the data centre's cache before they ask for the text. */
  snapshotInlineBytesMax: 64 * 1024,
  /** A cold isolate whose relay is silent for this long looks for the last known good routes elsewhere. */
  lastKnownAfterMs: 250,
  /** The platform takes one write a second for a key. */
  lastKnownPauseMs: 1_100,
} as const
