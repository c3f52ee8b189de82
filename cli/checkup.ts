/** What a running mesh is checked for: each check says how it came out, and, when not well, what to do. Facts in, values out. */
import { checkAlerts } from "./checkup-alerts.ts"
import { checkControl, checkTelemetry } from "./checkup-control.ts"
import type { Check, Facts } from "./checkup-kit.ts"
import { checkEndpoints, checkRoutes } from "./checkup-routes.ts"

export function checkup(facts: Facts): Check[] {
  return [
    ...checkControl(facts),
    ...checkRoutes(facts),
    ...checkEndpoints(facts),
    ...checkTelemetry(facts),
    ...checkAlerts(facts),
  ]
}
