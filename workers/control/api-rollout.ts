/** The endpoints of guarded applies. */
import { LIMITS } from "#shared/model/limits.ts"
import type { ApplyRequest, EndRollout } from "#shared/protocol/control-api.ts"
import { type Endpoint, endpoint } from "./endpoint.ts"
import { preview as showPreview } from "./preview.ts"
import { endRollout, showRollout } from "./rollouts.ts"
import { applyRequest } from "./schemas.ts"
import { preview } from "./schemas-preview.ts"
import * as shapes from "./schemas-rollout.ts"

export const ROLLOUT: readonly Endpoint[] = [
  endpoint<object, object, ApplyRequest>({
    method: "POST",
    path: "/v1/preview",
    role: "viewer",
    reads: true,
    shows: () => true,
    evenUnrecorded: true,
    group: "Changes",
    summary: "Say what an apply would do to requests",
    description:
      "Heads of recent requests, which isolates keep a few of and scrub, are replayed through the head and through what the documents would make of it, by the proxy's own code. Nothing is sent and nothing is written.",
    body: {
      schema: applyRequest,
      bytesMax: LIMITS.documentBytesMax,
      example: { documents: [{ source: "mesh.yaml", content: {} }] },
    },
    answers: { status: 200, description: "The plan, and its blast radius.", schema: preview, problems: [409, 422] },
    handle: showPreview,
  }),
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
