/** Policies and requests out of one small world, so that they often concern each other. */
import fc from "fast-check"
import type { AccessPolicy, Attribute, Authorizer, Condition, PolicyRule } from "#shared/model/access-policy.ts"
import type { GatewayId, Namespace, ServiceId } from "#shared/model/names.ts"
import type { Place, Target } from "#shared/model/target.ts"
import { canonicalPath } from "#shared/std/path.ts"
import type { Told } from "./access-build.ts"

const service = fc.constantFrom("default/orders", "default/shop", "team-a/shop", "team-a/stock")
const gateway = fc.constantFrom("default/default", "infra/web")

export const PLACES: readonly Place[] = [
  { at: "service", service: "default/orders" as ServiceId },
  { at: "service", service: "team-a/stock" as ServiceId },
  { at: "gateway", gateway: "default/default" as GatewayId },
]

const aTarget: fc.Arbitrary<Target> = fc.oneof(
  fc.constant<Target>({ of: "mesh" }),
  fc
    .constantFrom("default", "team-a")
    .map((namespace): Target => ({ of: "namespace", namespace: namespace as Namespace })),
  fc
    .tuple(fc.uniqueArray(service, { maxLength: 2 }), fc.uniqueArray(gateway, { maxLength: 1 }))
    .map(([services, gateways]) => ({ of: "places", services, gateways }) as unknown as Target),
)

const PATTERNS: { readonly [by: string]: readonly string[] } = {
  service: ["default/shop", "team-a/*", "*/shop", "*"],
  namespace: ["default", "team-a", "team*", "*"],
  workload: ["cluster.local/ns/default/sa/shop", "*/sa/shop", "cluster.local/ns/team-a/*"],
  trustDomain: ["cluster.local", "other"],
  gateway: ["default/default", "infra/*"],
  principal: ["idp/alice", "idp/*", "idp/b*", "*", "*/alice", "*ob", "https://i/t/alice", "https://i/*"],
  audience: ["shop", "api*"],
  presenter: ["web", "*"],
  claim: ["admin", "dev*", "read", "*"],
  key: ["ci", "*"],
  keyOwner: ["team-a", "team*"],
  keyScope: ["orders.*", "stock"],
  address: ["10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "0.0.0.0/0"],
  host: ["shop.test", "*.test", "shop*", "shop.test:8080", "*"],
  port: ["80", "8080"],
  method: ["GET", "P*", "POST"],
  path: [
    "/admin",
    "/admin/*",
    "/admin*",
    "*/x",
    "*",
    "/a/{*}/x",
    "/a/{**}",
    "/{*}/admin",
    "/{**}/x",
    "/a%40b",
    "/a%3Bb",
    "/",
  ],
  rpc: ["getOrder", "get*", "*.get"],
  header: ["admin", "user", "adm*", "*", "", "user, admin"],
  unknowable: ["x"],
}

const anAttribute: fc.Arbitrary<Attribute> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(...Object.keys(PATTERNS).filter((by) => by !== "claim" && by !== "header"))
      .map((by) => ({ by }) as Attribute),
  },
  { weight: 3, arbitrary: fc.constant<Attribute>({ by: "path" }) },
  { weight: 1, arbitrary: fc.constantFrom("x-role", "x-kind").map((name): Attribute => ({ by: "header", name })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(["groups"], ["scope"], ["nested", "key"], ["missing"])
      .map((path): Attribute => ({ by: "claim", path })),
  },
)

const aCondition: fc.Arbitrary<Condition> = anAttribute
  .chain((on) =>
    fc.record({
      on: fc.constant(on),
      values: fc.uniqueArray(fc.constantFrom(...PATTERNS[on.by]!), { minLength: 1, maxLength: 2 }),
      not: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    }),
  )
  .map(({ not, ...rest }) => ({ ...rest, ...(not && { not: true as const }) }))

const conditions = fc.array(aCondition, { minLength: 0, maxLength: 2 })
export const aRandomRule: fc.Arbitrary<PolicyRule> = fc.record({
  from: fc.array(conditions, { maxLength: 2 }),
  to: fc.array(conditions, { maxLength: 2 }),
  when: fc.array(aCondition, { maxLength: 1 }),
})
const rules = fc.array(aRandomRule, { maxLength: 2 })

const AUTHORIZER: Authorizer = {
  service: "default/authz" as ServiceId,
  pathPrefix: "",
  requestHeaders: [],
  upstreamHeaders: [],
  clientHeaders: [],
  timeoutMs: 100,
  whenUnavailable: "deny",
}

const aBody: fc.Arbitrary<Omit<AccessPolicy, "id" | "target">> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ action: fc.constantFrom("allow", "deny"), rules }) },
  { weight: 1, arbitrary: fc.record({ action: fc.constant("audit"), rules }) },
  { weight: 1, arbitrary: fc.record({ action: fc.constantFrom("allow", "deny"), rules, dryRun: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ action: fc.constant("custom"), rules, authorizer: fc.constant(AUTHORIZER) }) },
  { weight: 1, arbitrary: fc.record({ action: fc.constant("default"), verdict: fc.constantFrom("allow", "deny") }) },
) as never

export const aRandomPolicy: fc.Arbitrary<AccessPolicy> = fc
  .tuple(aBody, aTarget, fc.nat(1_000_000))
  .map(([body, target, number]) => ({ ...body, target, id: `default/p${number}` }) as AccessPolicy)

export const somePolicies = fc.array(aRandomPolicy, { maxLength: 4 })

const piece = fc.constantFrom("/admin", "/a", "/x", "/b", ";p=1", "/", "%3B", "%40b", "/..%3Bx", "/;x", "@b", "%3Bb")
const aPath = fc
  .array(piece, { maxLength: 4 })
  .map((pieces) => canonicalPath(`/${pieces.join("")}`.replace(/^\/+/, "/")))
  .filter((path) => typeof path === "string")

const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined, freq: 2 })

export const aRandomRequest: fc.Arbitrary<Told> = fc
  .record({
    from: maybe(service),
    gateway: maybe(gateway),
    method: fc.constantFrom("GET", "POST", "PATCH"),
    host: fc.constantFrom("shop.test", "evil.test", "shop"),
    port: fc.constantFrom(80, 8080),
    path: aPath,
    headers: fc.array(
      fc.tuple(
        fc.constantFrom("x-role", "x-kind"),
        fc.constantFrom("admin", "user", "administrator", "", "user,admin"),
      ),
      { maxLength: 3 },
    ),
    rpc: fc.option(fc.constantFrom("getOrder", "users.get", "cancel"), { nil: undefined, freq: 1 }),
    user: maybe(fc.constantFrom("idp alice", "idp bob", "https://i t/alice", "https://i/t alice", "idp")),
    claims: maybe(
      fc.constantFrom(
        { groups: ["admin", "dev"] },
        { groups: "developer", scope: "read write" },
        { nested: { key: ["admin"] }, scope: ["read"] },
        { nested: { key: null }, groups: [] },
      ),
    ),
    audiences: maybe(fc.subarray(["shop", "api-1"])),
    presenter: maybe(fc.constantFrom("web", "")),
    key: maybe(fc.constantFrom({ id: "ci", owner: "team-a", scopes: ["stock"] }, { id: "x", owner: "me", scopes: [] })),
    address: maybe(fc.constantFrom("10.1.2.3", "11.0.0.1", "2001:db8::1", "::1")),
  })
  .map((told) => Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)) as Told)
