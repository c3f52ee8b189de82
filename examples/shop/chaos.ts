/**
 * Makes payments fail and shows what the mesh does about it: the breaker opens, orders go on with a fallback, and when
 * payments are well again a probe finds out. Needs the shop of `npm start`.
 *
 *   npx node examples/shop/chaos.ts --url http://localhost:8787
 */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { parseArgs } from "node:util"

export interface ChaosOptions {
  readonly url: string
  /** Of `weft`: where control is, and the token. */
  readonly env?: Readonly<Record<string, string>>
  readonly say?: (line: string) => void
  /** How long whatever is to change may take. */
  readonly patienceMs?: number
}

export interface ChaosReport {
  /** How orders ended while payments were well, failing, given a rest, and well again. */
  readonly orders: Readonly<Record<"before" | "failing" | "resting" | "after", string>>
  /** What `weft breaker list` said while payments were given a rest, and in the end. */
  readonly breakers: readonly [string, string]
}

const WEFT = join(import.meta.dirname, "../../cli/weft.mjs")
const PRODUCT = "scarf"

export async function chaos({
  url,
  env = {},
  say = () => {},
  patienceMs = 30_000,
}: ChaosOptions): Promise<ChaosReport> {
  const until = <T>(holds: () => Promise<T | undefined | false>) => untilWithin(patienceMs, holds)
  const weft = (...args: string[]) => run(args, env)
  const knob = (failRate: number) => turn(url, failRate)

  await weft("apply", "-f", join(import.meta.dirname, "chaos.yaml"), "--wait")
  await until(async () => (await fetch(`${url}/till/knob`)).ok)
  await knob(0)
  const before = await buy(url)
  say(`payments are well            an order is ${before}`)

  await knob(1)
  const failing = await buy(url)
  say(`payments fail                an order is ${failing}`)
  let resting = failing
  await until(async () => {
    resting = await buy(url)
    return resting === "paid"
  })
  const open = await until(async () => {
    const text = await weft("breaker", "list")
    return text.includes("open") || text.includes("probing") ? text : undefined
  })
  say(`the breaker is open          an order is ${resting}, by the fallback`)
  say(indented(await weft("status")))

  await knob(0)
  say("payments are well again      a probe will find out")
  const closed = await until(async () => {
    await buy(url)
    const text = await weft("breaker", "list")
    return text.includes("open") || text.includes("probing") ? undefined : text
  })
  const after = await buy(url)
  say(`the breaker is closed        an order is ${after}`)
  say(indented(closed))
  return { orders: { before, failing, resting, after }, breakers: [open, closed] }
}

/** Buys something, and tells whether the order was paid. */
async function buy(url: string): Promise<string> {
  const body = new URLSearchParams({ product: PRODUCT })
  const bought = await fetch(`${url}/buy`, { method: "POST", body, redirect: "manual" })
  const id = new URL(bought.headers.get("location") ?? "/", url).searchParams.get("order")
  const { orders } = (await (await fetch(`${url}/orders`)).json()) as Orders
  return orders.find((order) => order.id === id)?.status ?? "lost"
}

interface Orders {
  readonly orders: readonly { readonly id: string; readonly status: string }[]
}

async function turn(url: string, failRate: number): Promise<void> {
  const body = JSON.stringify({ failRate, delayMs: 0 })
  const response = await fetch(`${url}/till/knob`, { method: "PUT", body })
  if (!response.ok) throw new Error(`the knob answered ${response.status}: ${await response.text()}`)
}

async function untilWithin<T>(patienceMs: number, holds: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const value = await holds()
    if (value) return value
    if (performance.now() > deadline) throw new Error(`nothing has changed within ${patienceMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WEFT, ...args], { env: { ...process.env, ...env } })
    let [out, err] = ["", ""]
    child.stdout.on("data", (chunk) => {
      out += chunk
    })
    child.stderr.on("data", (chunk) => {
      err += chunk
    })
    child.on("error", reject)
    child.on("close", (code) => (code === 0 ? resolve(out) : reject(new Error(`weft ${args[0]}: ${err || out}`))))
  })
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "    ").trimEnd()
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { url: { type: "string", default: "http://localhost:8787" } } })
  try {
    await chaos({ url: values.url, say: console.log })
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
