/**
 * Locality: members of the proxy's own region come first, and give way as they fail, as Envoy's priorities do: while at least 5 of 7
 * of them are healthy they take everything; below that the others take what they cannot.
 */

/** How much more than its share a region can bear (Envoy: overprovisioning factor). */
const OVERPROVISIONING = 1.4

/** The candidates that this throw of the dice leaves: those of the own region, or the others. */
export function preferLocal(
  candidates: readonly number[],
  /** How many members the own region has, also those that are no candidates. */
  localTotal: number,
  isLocal: (member: number) => boolean,
  dice: number,
): readonly number[] {
  if (localTotal === 0) return candidates
  const local = candidates.filter(isLocal)
  const others = candidates.filter((member) => !isLocal(member))
  if (local.length === 0) return others
  if (others.length === 0) return local
  const share = Math.min(1, (OVERPROVISIONING * local.length) / localTotal)
  return dice < share ? local : others
}
