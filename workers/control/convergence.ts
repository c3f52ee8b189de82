/** How far a revision has come. */
import { convergence } from "#shared/propagation/convergence.ts"
import type { RevisionConvergence } from "#shared/protocol/convergence.ts"
import { type Call, reply } from "./endpoint.ts"
import { routeTable } from "./mesh.ts"
import { problem } from "./problems.ts"
import { askWitnesses } from "./witnesses.ts"

export async function showConvergence(
  call: Call<{ readonly revision: number | "head" }, object, undefined>,
): Promise<Response> {
  const wanted = call.params.revision
  const table = routeTable(call.env)
  const [summary] = wanted === "head" ? [await table.head()] : await table.history({ before: wanted + 1, limit: 1 })
  if (!summary || (wanted !== "head" && summary.revision !== wanted)) {
    return problem(404, wanted === "head" ? "There is no revision yet." : `There is no revision ${wanted}.`)
  }
  return reply<RevisionConvergence>(convergence(summary, await askWitnesses(call.env)))
}
