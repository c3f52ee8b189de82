/** Picks an endpoint by chance, leaving out those that were tried before while there are others. */
export function pick<T>(endpoints: readonly T[], tried: readonly T[], dice: number): T | undefined {
  if (endpoints.length === 1) return endpoints[0]
  const fresh = tried.length === 0 ? endpoints : endpoints.filter((endpoint) => !tried.includes(endpoint))
  const candidates = fresh.length === 0 ? endpoints : fresh
  return candidates[Math.floor(dice * candidates.length)]
}
