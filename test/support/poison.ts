/** Snapshots that nobody can serve, as a bug of the control plane might make them: each with what is wrong with it. */

import { LIMITS } from "#shared/model/limits.ts"
import type { Snapshot } from "#shared/model/snapshot.ts"

export interface Poison {
  readonly name: string
  readonly text: string
  /** Instead of the text's own. */
  readonly digest?: string
  /** It is served all the same: what is broken in it takes nothing, and harms nobody. */
  readonly isServed?: true
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** A good snapshot, with something of everything that poisons go for. */
export const GOOD: Snapshot = {
  format: 1,
  services: [
    {
      ...{ id: "default/upstream", endpoints: [{ kind: "binding", binding: "UPSTREAM" }], subsets: {} },
      policy: {
        breaker: {
          ...{ windowMs: 10_000, volumeMin: 20, failureRatio: 0.5 },
          ...{ coolDownMs: 5_000, coolDownMsMax: 60_000, probes: 1, successes: 1 },
        },
      },
    },
  ],
  gateways: [],
  routes: [
    {
      ...{ id: "default/web", order: "specific", since: 1 },
      attachments: [{ to: "gateway", gateway: "default/default", hostname: "*" }],
      rules: [
        {
          ...{ id: "default/web/0", timeouts: { requestMs: 5_000 } },
          matches: [
            {
              ...{ path: { kind: "prefix", value: "/" }, query: [], cookies: [] },
              headers: [{ name: "accept", test: { kind: "present" } }],
            },
            { path: { kind: "regex", value: "/a+" }, headers: [], query: [], cookies: [] },
            { headers: [], query: [], cookies: [] },
          ],
          filters: [
            { kind: "responseHeaders", change: { set: [{ name: "x-good", value: "1" }], add: [], remove: [] } },
          ],
          backends: [{ service: "default/upstream", weight: 1, filters: [] }],
        },
      ],
    },
  ],
} as never

export function poisons(): Poison[] {
  const good = JSON.stringify(GOOD)
  const whole: Poison[] = [
    ...[
      "",
      " ",
      "null",
      "[]",
      "{}",
      "0",
      '"text"',
      "true",
      "undefined",
      "NaN",
      "<html></html>",
      "{",
      "}{",
      '{"format":1',
    ].map((text) => ({ name: `is ${JSON.stringify(text)}`, text })),
    ...[0.1, 0.5, 0.9].map((share) => ({
      name: `ends at ${share}`,
      text: good.slice(0, Math.floor(good.length * share)),
    })),
    { name: "has another digest", text: `${good} `, digest: "0".repeat(64) },
    { name: "has no digest", text: `${good}  `, digest: "" },
    { name: "is too large", text: good + " ".repeat(LIMITS.snapshotBytesMax) },
    { name: "is nested deeply", text: "[".repeat(100_000) },
    { name: "is nested deeply and closed", text: `${"[".repeat(50_000)}${"]".repeat(50_000)}` },
    ...[0, 3, 99, -1, 1.5, "1", null, [1]].map((format) => ({
      name: `has the format ${JSON.stringify(format)}`,
      text: JSON.stringify({ ...GOOD, format }),
    })),
    { name: "has no format", text: good.replace('"format":1,', "") },
    {
      name: "is empty, and nobody meant it",
      text: JSON.stringify({ format: 1, services: [], gateways: [], routes: [] }),
    },
    { name: "holds a prototype", text: good.replace('"services":', '"__proto__":') },
    {
      name: "has a service twice",
      text: edited(["services"], (services) => [...(services as Json[]), ...(services as Json[])]),
    },
  ]
  return [...whole, ...changes().map(([path, value]) => changed(path, value))]
}

/** Expressions are compiled when they are asked first: a broken one takes nothing. */
const BROKEN_EXPRESSIONS = ["(a+", "(?:a{0,1000}){0,1000}"]

/** Where something of a good snapshot is replaced, and by what. */
function changes(): [(string | number)[], Json | undefined][] {
  const rule = ["routes", 0, "rules", 0]
  const wrong: Json[] = [null, 7, "text", {}, true]
  const lists = [
    ["services"],
    ["routes"],
    ["gateways"],
    [...rule, "matches"],
    [...rule, "backends"],
    [...rule, "filters"],
  ]
  return [
    ...lists.flatMap((path) => wrong.map((value): [(string | number)[], Json] => [path, value])),
    [["services", 0, "id"], ""],
    [["services", 0, "id"], "Upper/Case"],
    [["services", 0, "id"], undefined],
    [["services", 0, "endpoints", 0, "kind"], "carrier-pigeon"],
    [["services", 0, "endpoints", 0, "binding"], ""],
    [["services", 0, "policy", "breaker", "probes"], 0],
    [["services", 0, "policy", "breaker", "windowMs"], "soon"],
    [["routes", 0, "order"], "random"],
    [["routes", 0, "attachments", 0, "gateway"], "default/nowhere"],
    [["routes", 0, "attachments", 0, "to"], null],
    [[...rule, "id"], ""],
    [[...rule, "timeouts", "requestMs"], -1],
    [[...rule, "timeouts"], null],
    [[...rule, "matches"], []],
    [[...rule, "matches", 0, "path", "kind"], "guess"],
    [[...rule, "matches", 0, "path", "value"], "no-slash"],
    [[...rule, "matches", 0, "headers", 0, "name"], "not a name"],
    [[...rule, "matches", 0, "headers", 0, "test"], null],
    [[...rule, "matches", 1, "path", "value"], BROKEN_EXPRESSIONS[0]],
    [[...rule, "matches", 1, "path", "value"], BROKEN_EXPRESSIONS[1]],
    [[...rule, "matches", 1, "path", "value"], ""],
    [[...rule, "filters", 0, "kind"], "explode"],
    [[...rule, "filters", 0, "change", "set", 0, "name"], "bad\nname"],
    [[...rule, "filters", 0, "change", "set", 0, "value"], "bad\r\nvalue"],
    [[...rule, "backends", 0, "service"], "default/nobody"],
    [[...rule, "backends", 0, "weight"], -1],
    [[...rule, "backends", 0, "weight"], 1e12],
    [[...rule, "backends", 0, "subset"], "v9"],
  ]
}

function changed(path: readonly (string | number)[], value: Json | undefined): Poison {
  const isServed = typeof value === "string" && BROKEN_EXPRESSIONS.includes(value)
  return {
    ...{ name: `${path.join(".")} is ${JSON.stringify(value)}`, text: edited(path, () => value) },
    ...(isServed && { isServed }),
  }
}

function edited(path: readonly (string | number)[], edit: (value: Json) => Json | undefined): string {
  const copy = structuredClone(GOOD) as unknown as Json
  let at = copy as Record<string | number, Json>
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, Json>
  const last = path.at(-1)!
  const value = edit(at[last]!)
  if (value === undefined) delete at[last]
  else at[last] = value
  return JSON.stringify(copy)
}
