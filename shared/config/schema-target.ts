/** The shape of targets in documents. */
import * as z from "zod"
import { LIMITS } from "#shared/model/limits.ts"
import type { TargetDocument } from "#shared/model/target-document.ts"
import * as check from "./checks.ts"
import type { Complaint } from "./complaint.ts"
import { conflict, list, optional, text } from "./schema-kit.ts"

const references = list(text(check.checkReference), { min: 1, max: LIMITS.targetsMax })

/** For kinds that cover traffic, beside their own keys. */
export const targetShape = {
  services: optional(
    references,
    "Requests to these services, from inside the mesh and from the public: `name` or `namespace/name`.",
  ),
  gateways: optional(
    references,
    "Public traffic that enters by these gateways: `name` or `namespace/name`; `default` is the built-in one.",
  ),
  mesh: optional(z.literal(true), "Every service and every gateway of the mesh. In the namespace `default` only."),
}

export function checkTarget(value: TargetDocument): Complaint | undefined {
  return conflict(value, ["mesh", "services"]) ?? conflict(value, ["mesh", "gateways"])
}
