/**
 * Whether a history of concurrent operations on one object could have happened one after the other, each at some moment between its
 * call and its return: linearizability, decided after Wing and Gong, with operations put in order as late as a return allows (Lowe).
 * Takes as long as the history, times what was open at once; bounded concurrency makes it fast.
 */

/** An operation without a return may have taken effect at any time after its call, or never. */
export interface Operation<Op> {
  readonly op: Op
  /** Moments of one clock that no two events share. */
  readonly calledAt: number
  readonly returnedAt?: number
}

export interface Model<State, Op> {
  readonly initial: State
  /** What follows when the operation happens now and has the outcome it had; undefined when it could not have had it. */
  step(state: State, op: Op): State | undefined
  /** The same text for the same state. */
  keyOf(state: State): string
}

export interface Violation<State, Op> {
  /** The first operation whose outcome no order explains. */
  readonly operation: Operation<Op>
  /** What the object may have been just before. */
  readonly states: readonly State[]
  readonly open: readonly Operation<Op>[]
}

interface Configuration<State, Op> {
  readonly state: State
  /** Of those that have not returned: what has happened already. */
  readonly happened: ReadonlySet<Operation<Op>>
}

export function violationOf<State, Op>(
  history: readonly Operation<Op>[],
  model: Model<State, Op>,
): Violation<State, Op> | undefined {
  const ids = new Map(history.map((operation, index) => [operation, index]))
  const keyOf = ({ state, happened }: Configuration<State, Op>) =>
    `${[...happened].map((operation) => ids.get(operation)).sort()}|${model.keyOf(state)}`
  const open = new Set<Operation<Op>>()
  let possible = [{ state: model.initial, happened: new Set<Operation<Op>>() as ReadonlySet<Operation<Op>> }]
  for (const { operation, isReturn } of eventsOf(history)) {
    if (!isReturn) {
      open.add(operation)
      continue
    }
    const next = new Map<string, Configuration<State, Op>>()
    const seen = new Set<string>()
    for (const configuration of possible) reach(configuration, operation, { open, model, keyOf, seen, next })
    if (next.size === 0) {
      return { operation, states: possible.map(({ state }) => state), open: [...open].filter((o) => o !== operation) }
    }
    open.delete(operation)
    possible = [...next.values()]
  }
  return undefined
}

interface Search<State, Op> {
  readonly open: ReadonlySet<Operation<Op>>
  readonly model: Model<State, Op>
  readonly keyOf: (configuration: Configuration<State, Op>) => string
  readonly seen: Set<string>
  readonly next: Map<string, Configuration<State, Op>>
}

/** All that may be once `operation` has happened, with whatever of the open ones happened before it. */
function reach<State, Op>(from: Configuration<State, Op>, operation: Operation<Op>, search: Search<State, Op>): void {
  const key = search.keyOf(from)
  if (search.seen.has(key)) return
  search.seen.add(key)
  if (from.happened.has(operation)) {
    const happened = new Set(from.happened)
    happened.delete(operation)
    const found = { state: from.state, happened }
    search.next.set(search.keyOf(found), found)
    return
  }
  for (const other of search.open) {
    if (from.happened.has(other)) continue
    const state = search.model.step(from.state, other.op)
    if (state !== undefined) reach({ state, happened: new Set(from.happened).add(other) }, operation, search)
  }
}

function eventsOf<Op>(history: readonly Operation<Op>[]): { operation: Operation<Op>; isReturn: boolean }[] {
  const events = history.flatMap((operation) => [
    { operation, isReturn: false, at: operation.calledAt },
    ...(operation.returnedAt === undefined ? [] : [{ operation, isReturn: true, at: operation.returnedAt }]),
  ])
  return events.sort((a, b) => a.at - b.at)
}
