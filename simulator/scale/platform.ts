/** What the platform publishes: prices beyond what its plan includes, and limits. Each figure with the page that it is from. */

export interface Figure {
  readonly value: number
  /** What the plan includes in a month, in the unit that the price is for. */
  readonly included?: number
  /** `{}` stands for the value. */
  readonly words: string
  /** The page's title and place in the platform's documentation. */
  readonly page: string
}

const DURABLE_OBJECTS_PRICING = "Durable Objects, “Pricing” (durable-objects/platform/pricing)"
const DURABLE_OBJECTS_FAQ = "Durable Objects, “FAQs” (durable-objects/reference/faq)"
const WORKERS_PRICING = "Workers, “Pricing” (workers/platform/pricing)"

/** As they stood in November 2026, Workers Paid. */
export const PLATFORM = {
  workerRequest: { value: 0.3, included: 10, words: "{} USD a million requests of the public", page: WORKERS_PRICING },
  workerCpu: {
    value: 0.02,
    included: 30,
    words: "{} USD a million milliseconds of processor time",
    page: WORKERS_PRICING,
  },
  objectRequest: {
    value: 0.15,
    included: 1,
    words: "{} USD a million calls of an object",
    page: DURABLE_OBJECTS_PRICING,
  },
  objectDuration: {
    value: 12.5,
    included: 0.4,
    words: "{} USD a million GB-seconds that objects are active",
    page: DURABLE_OBJECTS_PRICING,
  },
  objectGigabytes: { value: 0.128, words: "{} GB, whatever an object really uses", page: DURABLE_OBJECTS_PRICING },
  rowsWritten: { value: 1, included: 50, words: "{} USD a million rows written", page: DURABLE_OBJECTS_PRICING },
  objectCallsPerSecond: {
    value: 1_000,
    words: "{} calls a second of one object, a soft limit",
    page: DURABLE_OBJECTS_FAQ,
  },
} as const satisfies Readonly<Record<string, Figure>>

export const SECONDS_A_MONTH = 30 * 24 * 60 * 60
