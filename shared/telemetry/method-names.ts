/**
 * Which RPC methods are told apart. Their names come with calls, and a caller may make them of anything: a service has a bounded set
 * of them, and all others are `other`. A method that never returned anything may be one that does not exist; such names get
 * half of the places at most, so that a caller that makes names up cannot displace those that work.
 */
import { LIMITS } from "#shared/model/limits.ts"
import type { Rule } from "#shared/model/route.ts"
import { OTHER } from "./series.ts"

const NAME = /^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/

interface Known {
  /** By name, whether it ever returned anything. */
  readonly names: Map<string, boolean>
  silent: number
}

export class MethodNames {
  readonly #byService = new Map<string, Known>()

  /** The name to count a call under. A method that the call's rule names is known to exist. */
  nameFor(service: string, method: string, returned: boolean, rule: Pick<Rule, "matches"> | undefined): string {
    const known = this.#byService.get(service) ?? this.#meet(service)
    if (!known) return OTHER
    const before = known.names.get(method)
    if (before === true || (before === false && !returned)) return method
    if (before === false) {
      known.names.set(method, true)
      known.silent -= 1
      return method
    }
    if (method.length > LIMITS.methodCharsMax || !NAME.test(method)) return OTHER
    const trusted = returned || rule?.matches.some(({ rpc }) => rpc === method) === true
    if (known.names.size >= LIMITS.methodsMax || (!trusted && known.silent >= LIMITS.methodsMax / 2)) return OTHER
    known.names.set(method, trusted)
    if (!trusted) known.silent += 1
    return method
  }

  /** Services are those of configuration; their number is held to its limit all the same. */
  #meet(service: string): Known | undefined {
    if (this.#byService.size >= LIMITS.servicesMax) return undefined
    const known: Known = { names: new Map(), silent: 0 }
    this.#byService.set(service, known)
    return known
  }
}
