/** The endpoints of guarded applies. */
import { LIMITS } from "#shared/model/limits.ts"
import type { EndRollout } from "#shared/protocol/control-api.ts"
import { type Endpoint, endpoint } from "./endpoint.ts"
import { endRollout, showRollout } from "./rollouts.ts"
import * as shapes from "./schemas-rollout.ts"

export const ROLLOUT: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/v1/rollout",
    role: "viewer",
    namespaced: true,
    group: "Changes",
    summary: "Say how a guarded apply fares",
    description: "The one that is under way, or the last one.",
    answers: { status: 200, description: "How it fares.", schema: shapes.rolloutView },
    handle: showRollout,
  }),
  endpoint<object, object, EndRollout>({
    method: "POST",
    path: "/v1/rollout",
    role: "operator",
    namespaced: true,
    evenUnrecorded: true,
    group: "Changes",
    summary: "End a guarded apply by hand",
    description:
      "`promote` makes the candidate everybody's at once. `undo` makes a new revision with the content of the one before it.",
    body: {
      schema: shapes.endRollout,
      bytesMax: LIMITS.controlBodyBytesMax,
      example: { action: "undo", message: "customers complain" },
    },
    answers: { status: 200, description: "As it ended.", schema: shapes.rolloutView, problems: [404] },
    handle: endRollout,
  }),
]
