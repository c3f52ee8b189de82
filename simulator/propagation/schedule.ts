/**
 * One schedule: two writers change the mesh, relays and isolates follow, requests come, and things go wrong for a dozen seconds. Then all
 * heals, and everybody has to be where the head is within the bound.
 */
import { HEALED_BOUND_MS } from "#shared/propagation/convergence.ts"
import { ROOT } from "#shared/protocol/convergence.ts"
import type { RelayStatus, RelayView } from "#shared/protocol/relay.ts"
import type { Engine } from "#simulator/engine.ts"
import { type Fault, type Machine, Network } from "#simulator/network.ts"
import { CORES, type Cores } from "./cores.ts"
import { IsolateMachine, type LastKnown } from "./isolate.ts"
import { RelayMachine } from "./relay.ts"
import { type CommitReply, Root } from "./root.ts"
import { World } from "./world.ts"

export interface Sizes {
  readonly relays: number
  readonly isolates: number
  readonly writers: number
  readonly faultyMs: number
}

const WRITE_PATIENCE_MS = 1_500
const BAD_SHARE = 0.12
const SETTLED_MS = 200
/** Of all messages. */
const SLOWEST_MS = 4_100

export function runPropagation(
  engine: Engine,
  faults: ReadonlySet<Fault>,
  sizes: Sizes,
  changed: Partial<Cores> = {},
): void {
  const network = new Network(engine, faults)
  const world = new World(engine, network, { ...CORES, ...changed })
  const mesh = meshOf(world, sizes)
  network.hub = mesh.root.machine
  for (const isolate of mesh.isolates) request(world, mesh, isolate)
  const writers = Array.from(
    { length: sizes.writers },
    (_each, index) => new Writer(world, mesh.root, `writer-${index}`),
  )
  for (const writer of writers) writer.begin()
  engine.every(
    () => (network.healed ? undefined : engine.dice.whole(1_000, 5_000)),
    () => mesh.root.machine.up && mesh.root.hear(),
  )
  watch(world, mesh)
  network.begin()

  engine.runUntil(sizes.faultyMs)
  network.heal()
  engine.say(() => "all heals")
  // What is still on its way arrives; then there is a last revision, and it is a good one.
  for (const writer of writers) writer.end()
  engine.runUntil(sizes.faultyMs + SLOWEST_MS)
  writers[0]!.write({ good: true })
  engine.runUntil(engine.nowMs + SETTLED_MS)
  engine.runUntil(engine.nowMs + HEALED_BOUND_MS)
  check(world, mesh)
}

type Account = Parameters<Parameters<Root["account"]>[0]>[0]

interface Mesh {
  readonly root: Root
  readonly relays: readonly RelayMachine[]
  readonly isolates: readonly IsolateMachine[]
}

function meshOf(world: World, sizes: Sizes): Mesh {
  const relays = new Map<string, RelayMachine>()
  for (let index = 0; index < sizes.relays; index++) {
    const name = `relay-${index}`
    relays.set(name, new RelayMachine(world, name))
  }
  const root = new Root(world, relays)
  const all = [...relays.values()]
  for (const relay of all) relay.belongTo(root)
  const isolates = Array.from(
    { length: sizes.isolates },
    (_each, index) =>
      new IsolateMachine(world, `isolate-${index}`, root, all[index % all.length]!, () => lastKnown(world, root)),
  )
  return { root, relays: all, isolates }
}

/** A copy that is as old as it likes. */
function lastKnown({ engine, bad }: World, { history }: Root): LastKnown | undefined {
  if (history.length === 0 || engine.dice.chance(0.3)) return undefined
  const { revision, text } = history[engine.dice.whole(0, history.length - 1)]!
  return bad.has(text) ? undefined : { revision, text }
}

/** Requests, in bursts and with pauses in which an isolate may fall asleep; some were promised what others have seen. */
function request(world: World, mesh: Mesh, isolate: IsolateMachine): void {
  const { engine, network, acknowledged } = world
  const { dice } = engine
  engine.every(
    () => (network.healed || !dice.chance(0.12) ? dice.whole(60, 900) : dice.whole(3_000, 9_000)),
    () => {
      if (!isolate.machine.up) return
      const luck = dice.next()
      const seen =
        luck < 0.15 ? dice.pick(mesh.isolates).serving : luck < 0.22 ? Math.max(0, ...acknowledged.keys()) : 0
      isolate.request(luck > 0.99 ? 1_000_000 : seen)
    },
  )
}

/** Changes the mesh, as the command does: it reads the head, commits against it, and repeats under the same key what it has no answer to. */
class Writer {
  readonly #world: World
  readonly #root: Root
  readonly #machine: Machine
  #writes = 0
  #ended = false

  constructor(world: World, root: Root, name: string) {
    this.#world = world
    this.#root = root
    this.#machine = world.network.add(name)
  }

  begin(): void {
    const { dice } = this.#world.engine
    const next = () =>
      this.#world.engine.after(dice.whole(200, 2_500), () => {
        if (this.#ended) return
        if (this.#machine.up) this.write({ good: !dice.chance(BAD_SHARE) })
        next()
      })
    next()
  }

  end(): void {
    this.#ended = true
  }

  write({ good }: { good: boolean }): void {
    const key = `${this.#machine.name}/${this.#writes++}`
    const text = good ? key : `bad ${key}`
    if (!good) this.#world.bad.add(text)
    this.#attempt(key, text, 3)
  }

  #attempt(key: string, text: string, attempts: number): void {
    const { network, engine, acknowledged } = this.#world
    const root = this.#root
    let settled = false
    const again = () => {
      if (attempts > 1 && !this.#ended) this.#attempt(key, text, attempts - 1)
    }
    const settle = (reply: CommitReply | undefined) => {
      if (settled) return
      settled = true
      if (!reply || reply.outcome === "stale") {
        again()
        return
      }
      engine.say(() => `${this.#machine.name} is told that ${key} is revision ${reply.revision}`)
      acknowledged.set(reply.revision, text)
    }
    network.call<number>(
      this.#machine,
      root.machine,
      (reply) => root.readHead(reply),
      (head) => {
        if (head === undefined) settle(undefined)
        else
          network.call<CommitReply>(this.#machine, root.machine, (reply) => root.commit(head, key, text, reply), settle)
      },
    )
    network.later(this.#machine, WRITE_PATIENCE_MS, () => settle(undefined))
  }
}

/** Asks now and then how far the head has come, as control does. */
function watch(world: World, { root, relays }: Mesh): void {
  const { engine, network, cores } = world
  const control = network.add("control")
  engine.every(
    () => (network.healed ? undefined : engine.dice.whole(200, 900)),
    () => {
      if (!control.up) return
      const ask = <T>(
        of: { readonly machine: Machine },
        answer: (reply: (value: T) => void) => void,
        done: (value: T | undefined) => void,
      ) => {
        let settled = false
        const once = (value: T | undefined) => {
          if (!settled) done(value)
          settled = true
        }
        network.call<T>(control, of.machine, answer, once)
        network.later(control, 1_000, () => once(undefined))
      }
      ask<Account>(
        root,
        (reply) => root.account(reply),
        (told) => {
          if (!told || told.head === 0) return
          const status: RelayStatus = { name: ROOT, acknowledged: told.head, acknowledgedAtMs: 0, failures: 0 }
          const views = new Map<string, RelayView | undefined>()
          const conclude = () => {
            if (views.size < told.relays.length) return
            const witnesses = told.relays.map((one) => ({ status: one, view: views.get(one.name) }))
            const { state } = cores.convergence({ revision: told.head, atMs: 0 }, [
              ...witnesses,
              { status, view: told.view },
            ])
            if (state !== "done" || told.head <= world.done) return
            engine.say(() => `revision ${told.head} is said to be served everywhere`)
            world.done = told.head
          }
          for (const { name } of told.relays) {
            const relay = relays.find(({ machine }) => machine.name === name)!
            ask<RelayView>(
              relay,
              (reply) => reply(relay.view()),
              (view) => {
                views.set(name, view)
                conclude()
              },
            )
          }
          if (told.relays.length === 0) conclude()
        },
      )
    },
  )
}

/** After the healing. */
function check(world: World, { root, relays, isolates }: Mesh): void {
  const { history } = root
  for (const [revision, text] of world.acknowledged) {
    const kept = history.find((one) => one.revision === revision)
    world.holds(
      kept?.text === text,
      "acknowledged-lost",
      () => `revision ${revision} was acknowledged as ${text}, is ${kept?.text}`,
    )
  }
  const keys = new Set(history.map(({ key }) => key))
  world.holds(keys.size === history.length, "once-per-key", () => `${history.length} revisions of ${keys.size} keys`)
  world.holds(
    history.every(({ revision }, index) => revision === index + 1),
    "dense",
    () => `revisions ${history.map(({ revision }) => revision).join(" ")}`,
  )
  const head = history.at(-1)?.revision ?? 0
  for (const { machine, revision } of relays.filter(({ revision: has }) => has > 0)) {
    world.holds(revision === head, "converges", () => `${machine.name} has ${revision} of ${head}`)
  }
  for (const { machine, serving } of isolates) {
    world.holds(serving === head, "converges", () => `${machine.name} serves ${serving} of ${head}`)
  }
}
