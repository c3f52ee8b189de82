/**
 * Cases of Envoy's outlier detection: steps on a virtual clock. Figures are changed while the detector runs, as the upstream tests do by
 * their runtime; an ejection is enforced by switches, not by percentages.
 */
import type { OutlierPolicy } from "#shared/model/upstream-policy.ts"
import { type EndpointResult, OutlierDetector, type OutlierEvent } from "#shared/resilience/outlier.ts"
import type { Origin } from "#shared/resilience/outlier-host.ts"
import { successRateThreshold } from "#shared/resilience/success-rate.ts"
import { type CoreForm, judged } from "./core-form.ts"
import { Expectations, type Expected } from "./envoy-outlier-events.ts"
import { counterOf, type Figures, figuresOf, number, policyOf } from "./envoy-outlier-figures.ts"

interface OutlierFile {
  readonly how: { readonly defaults: Figures; readonly runtimeInEveryTest: Figures }
  readonly tests: readonly OutlierTest[]
}

interface OutlierTest {
  readonly test: string
  readonly config: Readonly<Record<string, unknown>>
  readonly steps: readonly Step[]
  readonly stateChangesObserved?: boolean
  readonly threshold?: {
    readonly successRates: readonly number[]
    readonly stdevFactor: number
    readonly expect: { readonly average: number; readonly ejectionThreshold: number }
  }
}

interface Step {
  readonly op: string
  readonly [field: string]: unknown
}

export const outlierForm: CoreForm = {
  name: "envoy_outlier",
  takes: (_file, content) => {
    const { how, tests } = content as Partial<OutlierFile>
    return how?.defaults !== undefined && how.runtimeInEveryTest !== undefined && Array.isArray(tests)
  },
  run: (content) => {
    const { how, tests } = content as OutlierFile
    return tests.map((test) => judged(test.test, () => new Run(test, how).faults(), skipOf(test.steps)))
  },
}

function skipOf(steps: readonly Step[]): string | undefined {
  const asksForChecks = steps.some(({ op }) => op === "activeHealthCheck")
  return asksForChecks ? "the mesh has no active health checks" : undefined
}

class Run {
  readonly #test: OutlierTest
  readonly #figures: Figures
  readonly #enforced: Figures
  readonly #policy: OutlierPolicy
  readonly #detector: OutlierDetector
  readonly #events: OutlierEvent[] = []
  readonly #expectations: Expectations
  readonly #faults: string[] = []
  /** What each kind of step does. */
  readonly #changes: Readonly<Record<string, (step: Step) => void>> = {
    set: (step) => this.#set(step),
    addHosts: ({ untilCallback, hosts }) => (untilCallback ? undefined : this.#add(hosts as string[])),
    hostsAdded: ({ hosts }) => this.#add(hosts as string[]),
    hostsRemoved: ({ hosts }) => {
      for (const host of hosts as string[]) this.#detector.remove(host)
    },
    results: (step) => this.#results(step),
    repeat: ({ times, steps }) => {
      for (let time = 0; time < number(times); time++) this.#all(steps as Step[])
    },
    time: ({ ms }) => {
      this.#nowMs = number(ms)
    },
    interval: () => {
      if (!this.#isGone) this.#detector.sweep(this.#nowMs)
    },
    random: ({ value }) => {
      this.#random = number(value)
    },
    gaugeIncremented: () => {
      this.#gauge += 1
    },
    destroy: () => {
      this.#isGone = true
    },
  }
  #nowMs = 0
  #random = 0
  #gauge = 0
  #isGone = false

  constructor(test: OutlierTest, { defaults, runtimeInEveryTest }: OutlierFile["how"]) {
    this.#test = test
    this.#figures = { ...defaults, ...figuresOf(test.config) }
    if (!("max_ejection_time" in test.config)) {
      this.#figures.max_ejection_time_ms = Math.max(
        number(defaults.max_ejection_time_ms),
        this.#figure("base_ejection_time_ms"),
      )
    }
    this.#enforced = { ...runtimeInEveryTest }
    this.#policy = policyOf(this.#figures, this.#enforced)
    // The dice so that `random % (jitter + 1)` comes out.
    const roll = () => {
      const sides = this.#figure("max_ejection_time_jitter_ms") + 1
      return ((this.#random % sides) + 0.5) / sides
    }
    this.#expectations = new Expectations(test.stateChangesObserved === true)
    this.#detector = new OutlierDetector(this.#policy, roll, (event) => {
      this.#events.push(event)
      this.#expectations.note(event)
    })
  }

  faults(): readonly string[] {
    const { threshold, steps } = this.#test
    if (threshold) {
      const { mean, threshold: found } = successRateThreshold(threshold.successRates, threshold.stdevFactor)
      this.#compare("average", mean, threshold.expect.average)
      this.#compare("threshold", found, threshold.expect.ejectionThreshold)
    }
    this.#all(steps)
    return [...this.#faults, ...this.#expectations.faults()]
  }

  #all(steps: readonly Step[]): void {
    for (const step of steps) this.#step(step)
  }

  #step(step: Step): void {
    const change = this.#changes[step.op]
    if (change) change(step)
    else if (step.op === "assert") this.#assert(step)
    else if (step.op.startsWith("expect")) this.#expectations.add(step as unknown as Expected)
    else this.#faults.push(`nobody here knows the step ${step.op}`)
  }

  #set({ op: _op, note, ...values }: Step): void {
    if (note !== undefined) return
    for (const [name, value] of Object.entries(values) as [string, number | boolean][]) {
      if (name.startsWith("enforcing_")) this.#enforced[name] = value
      else this.#figures[name] = value
    }
    Object.assign(this.#policy, policyOf(this.#figures, this.#enforced))
  }

  #add(hosts: readonly string[]): void {
    for (const host of hosts) this.#detector.add(host)
  }

  #results({ host, count, result, status }: Step): void {
    if (this.#isGone) return
    for (let index = 0; index < number(count); index++) this.#result(host as string, result as string, status)
  }

  /** Without `split` everything is a status; with it what concerns the way there counts apart, and its status is ignored. */
  #result(host: string, result: string, status: unknown): void {
    const report = (found: EndpointResult) => this.#detector.report(host, found, this.#nowMs)
    const split = this.#policy.splitLocalOrigin
    const isExternal = result.startsWith("ExtOrigin")
    const failed = result === "ExtOriginRequestFailed" ? (split ? 503 : 500) : undefined
    const code = (isExternal || !split) && status !== undefined ? number(status) : (STATUSES[result] ?? failed)
    if (code === undefined && !(result in LOCAL)) this.#faults.push(`nobody here knows the result ${result}`)
    const local = LOCAL[result]
    if (local && (split || code === undefined)) report({ kind: local })
    if (code !== undefined && (isExternal || !split)) report({ kind: "answered", status: code })
  }

  #assert(step: Step): void {
    const what = [step.q, step.host, step.name, step.field, step.origin].filter((one) => one !== undefined).join(" ")
    this.#compare(what, this.#asked(step), step.is)
  }

  #asked({ q, host, name, field, origin }: Step): unknown {
    const monitored = host === undefined ? undefined : this.#detector.host(host as string)
    const side: Origin = origin === "LocalOrigin" ? "local" : "upstream"
    switch (q) {
      case "ejected":
        return monitored?.ejection !== undefined
      case "activeEjections":
        return (this.#isGone ? 0 : this.#detector.ejected) + this.#gauge
      case "counter":
        return counterOf(name as string, this.#events)
      case "successRate":
        return monitored?.rates[side]
      case "successRateAverage":
        return this.#detector.successRates(side).mean
      case "successRateEjectionThreshold":
        return this.#detector.successRates(side).threshold
      case "wasUnejectedBefore":
        return monitored?.returnedAtMs !== undefined
      case "config":
        return this.#figures[field as string] ?? this.#enforced[field as string]
      case "jitterMs":
        return (monitored ?? [...this.#detector.status()].map(({ host: one }) => this.#detector.host(one))[0])?.jitterMs
      default:
        return `nobody here knows the question ${q}`
    }
  }

  #compare(what: string, found: unknown, expected: unknown): void {
    const isSame =
      typeof found === "number" && typeof expected === "number" ? Math.abs(found - expected) < 1e-9 : found === expected
    if (!isSame) this.#faults.push(`at ${this.#nowMs} ms: ${what} is ${found} instead of ${expected}`)
  }

  #figure(name: string): number {
    return number(this.#figures[name])
  }
}

/** As which status a result without one counts where everything is a status. */
const STATUSES: Readonly<Record<string, number>> = {
  ExtOriginRequestSuccess: 200,
  LocalOriginConnectSuccessFinal: 200,
  LocalOriginTimeout: 504,
  LocalOriginConnectFailed: 503,
}

/** What a result says of the way to the host. */
const LOCAL: Readonly<Record<string, "connected" | "unanswered">> = {
  ExtOriginRequestSuccess: "connected",
  LocalOriginConnectSuccess: "connected",
  LocalOriginConnectSuccessFinal: "connected",
  LocalOriginTimeout: "unanswered",
  LocalOriginConnectFailed: "unanswered",
}
