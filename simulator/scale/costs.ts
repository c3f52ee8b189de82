/** What was measured: unit costs, with the command that measures them. Two cores, workerd 2026-10-23. */

export interface CallCost {
  /** Processor time of a call, its caller's part included, in microseconds. */
  readonly cpuUs: number
  /** For how long the object is active for it, in milliseconds; where that is not the call itself, see `why`. */
  readonly activeMs: number
  readonly rowsWritten: number
  readonly why?: string
}

export const CALLS_COMMAND = "node bench/calls.ts"
export const HOPS_COMMAND = "npm run bench:hop"

/** Of each call that isolates and relays make. */
export const CALLS = {
  pull: { cpuUs: 79, activeMs: 0.08, rowsWritten: 0 },
  follow: { cpuUs: 106, activeMs: 0.11, rowsWritten: 0 },
  report: {
    ...{ cpuUs: 279, activeMs: 500, rowsWritten: 2 },
    why: "20 series; answered once they are stored, at most once a second, for all that came by then",
  },
  tell: { cpuUs: 103, activeMs: 0.1, rowsWritten: 0 },
  lease: { cpuUs: 87, activeMs: 0.09, rowsWritten: 0 },
} as const satisfies Readonly<Record<string, CallCost>>

/** Processor time of a request by way of the mesh, beyond that of the same request without, in microseconds (decision 0021). */
export const HOP = {
  plain: { cpuUs: 112 - 49 },
  armed: { cpuUs: 151 - 49 },
} as const
