/** Objects and native resources have names of their own; in the mesh they share one space. */
import { labelOf } from "#shared/dialects/gateway-api/names.ts"

/** The object's name, or with the first number that nobody has yet. From then on it is taken. */
export function freeId<T extends string>(idOf: (name: string) => T, name: string, taken: Set<string>): T {
  let id = idOf(labelOf(name))
  for (let number = 2; taken.has(id); number++) id = idOf(labelOf(`${name}-${number}`))
  taken.add(id)
  return id
}
