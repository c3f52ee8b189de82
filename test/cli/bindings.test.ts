import { expect, it } from "vitest"
import { bindingName } from "#cli/bindings.ts"
import { compile } from "#shared/config/compile.ts"

it.each([
  ["default", "orders", "ORDERS"],
  ["default", "order-lines", "ORDER_LINES"],
  ["team-a", "orders", "TEAM_A__ORDERS"],
])(
  "%s/%s is bound as %s, and its subset v2-beta below it, just as the compiler looks for them",
  (namespace, name, binding) => {
    expect(bindingName(namespace, name, undefined)).toBe(binding)
    const content = { namespace, services: { [name]: { subsets: { "v2-beta": {} } } } }
    const compiled = compile([], { documents: [{ source: "-", content }], prune: true, revision: 1 })
    const service = "snapshot" in compiled ? compiled.snapshot.services[0]! : expect.fail("it has problems")
    const subset = Object.values(service.subsets)[0] as (typeof service.subsets)[keyof typeof service.subsets]
    expect(service.endpoints).toEqual([{ kind: "binding", binding }])
    expect(subset.endpoints).toEqual([{ kind: "binding", binding: bindingName(namespace, name, "v2-beta") }])
  },
)
