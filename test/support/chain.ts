/**
 * A chain of two hops through two proxies: `quick` asks for newer routes all the time, `slow` once an hour. Public traffic enters by the
 * first; the service behind it calls the next through the second.
 */
import type { Status } from "#shared/protocol/control-api.ts"
import { eventually } from "./eventually.ts"
import { type Fleet, startFleet } from "./fleet.ts"

export interface Chain {
  /** Both proxies serve the head. */
  settle(): Promise<void>
  /** One revision more; its number. */
  apply(): Promise<number>
  applyWithToken(): Promise<{ revision: number; consistencyToken: string }>
  /** Until the first proxy serves the head. */
  refreshFirst(): Promise<unknown>
  /** The revision by which the second proxy serves a request of its own, and one with a token. */
  secondAlone(): Promise<number>
  public(token?: string): Promise<number>
  /** By which revisions one request was served, hop by hop. */
  through(how?: { forgetful: boolean }): Promise<{ first: number | undefined; second: number | undefined }>
  rpc(how: { context: boolean }): Promise<object | undefined>
  status(): Promise<Status>
  stop(): Promise<void>
}

const ROOT = "test/workers/proxy/workers/chain"
const LEASE_MS = 20

export async function startChain(): Promise<Chain> {
  const fleet = await startFleet({
    proxies: { quick: { WEFT_LEASE_MS: String(LEASE_MS) }, slow: { WEFT_LEASE_MS: "3600000" } },
    services: {
      middle: { entry: `${ROOT}/middle.ts`, calls: { END: { proxy: "slow", to: "end" } } },
      end: { entry: `${ROOT}/end.ts` },
    },
  })
  let applied = 0
  const apply = () => fleet.apply(documentOf(applied++))
  let last = await apply()
  const next = async () => {
    last = await apply()
    return { revision: last.revision, consistencyToken: last.consistencyToken! }
  }
  const alone = async (token?: string) => {
    const response = await fleet.request("slow", "/alone", {
      "weft-debug": "1",
      ...(token && { "weft-revision": token }),
    })
    return revisionsOf(response)[0]!
  }
  const refreshFirst = () =>
    eventually(async () => revisionsOf(await through(fleet, "/forgetful"))[0] === last.revision)
  return {
    refreshFirst,
    async settle() {
      await refreshFirst()
      await eventually(async () => (await alone(last.consistencyToken)) === last.revision)
    },
    apply: async () => (await next()).revision,
    applyWithToken: next,
    secondAlone: () => alone(),
    public: alone,
    async through(how) {
      const [first, second] = revisionsOf(await through(fleet, how?.forgetful ? "/forgetful" : "/"))
      return { first, second }
    },
    async rpc({ context }) {
      return (await (await through(fleet, context ? "/rpc" : "/rpc-without")).json()) ?? undefined
    },
    status: fleet.status,
    stop: fleet.stop,
  }
}

function through(fleet: Fleet, path: string): Promise<Response> {
  return fleet.request("quick", path, { "weft-debug": "1" })
}

function revisionsOf(response: Response): number[] {
  const debug = response.headers.get("weft-debug") ?? ""
  return [...debug.matchAll(/revision=(\d+)/g)].map(([, revision]) => Number(revision))
}

function documentOf(which: number) {
  return {
    services: { middle: {}, end: {} },
    routes: {
      alone: {
        hosts: ["*"],
        rules: [{ match: { path: "/alone" }, filters: [{ respond: { status: 200, body: `${which}` } }] }],
      },
      public: { hosts: ["*"], rules: [{ backends: [{ service: "middle" }] }] },
    },
  }
}
