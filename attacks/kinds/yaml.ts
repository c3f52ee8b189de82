/** YAML that is more than it seems. */

/** Each level is so many aliases of the one before. */
export function bomb(levels: number, aliases: number): string {
  const lines = ["a0: &a0 lol"]
  for (let level = 1; level <= levels; level++) {
    lines.push(`a${level}: &a${level} [${Array.from({ length: aliases }, () => `*a${level - 1}`).join(", ")}]`)
  }
  return `${lines.join("\n")}\n`
}
