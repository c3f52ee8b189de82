/** Addresses of senders, as far as one user can be told from another by them. */

/** An IPv6 user has a whole /64 of addresses: its network is what tells one user from another. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address
  const text = address.toLowerCase()
  if (text.includes(".")) return text.slice(text.lastIndexOf(":") + 1)
  const [left = "", right] = text.split("::")
  const before = left === "" ? [] : left.split(":")
  const after = right === undefined || right === "" ? [] : right.split(":")
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0")
  const groups = right === undefined ? before : [...before, ...zeros, ...after]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")
}
