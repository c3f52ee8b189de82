/** Commands about who calls upstreams outside the mesh. */
import type { CommandRow } from "./command.ts"

export const IDENTITY: readonly CommandRow[] = [
  {
    path: "identity keys",
    summary: "list the keys that tell upstreams outside the mesh who calls",
    control: true,
    data: true,
    load: async () => ({ run: (await import("./commands/identity-keys.ts")).list }),
  },
  {
    path: "identity rotate",
    summary: "make the next of those keys now",
    options: [["--revoke <kid>", "a key that must verify nothing any more", "text"]],
    control: true,
    data: true,
    examples: ["weft identity rotate", "weft identity rotate --revoke w8XgQz1rJk2mN0aB"],
    load: async () => ({ run: (await import("./commands/identity-keys.ts")).rotate }),
  },
]
