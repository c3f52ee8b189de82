/** The endpoints of objectives and their alerts. */
import { LIMITS } from "#shared/model/limits.ts"
import type { NewAcknowledgement, NewSilence } from "#shared/protocol/alerts.ts"
import { acknowledgeAlert, listAlerts, silenceAlerts, unsilence } from "./alerts.ts"
import { type Endpoint, endpoint } from "./endpoint.ts"
import * as shapes from "./schemas-alerts.ts"

export const ALERTING: readonly Endpoint[] = [
  endpoint({
    method: "GET",
    path: "/v1/alerts",
    role: "viewer",
    namespaced: true,
    group: "Alerts",
    summary: "List objectives with their alerts",
    description:
      "How much of each error budget is left, how fast it is spent, which alerts are pending, firing or lately resolved, who silenced or acknowledged them, and which receivers do not take notifications. Judged once a minute.",
    answers: { status: 200, description: "The list.", schema: shapes.alertList },
    handle: listAlerts,
  }),
  endpoint<object, object, NewSilence>({
    method: "POST",
    path: "/v1/alerts/silences",
    role: "operator",
    namespaced: true,
    target: ({ body }) => `silence ${[body.namespace, body.slo].filter((part) => part !== undefined).join("/")}`.trim(),
    group: "Alerts",
    summary: "Silence alerts for a while",
    description:
      "Of one objective, of a namespace, or with neither of the whole mesh. Receivers are not told that they fire; when the silence ends and they still do, they are. Nothing of it is a revision.",
    body: {
      schema: shapes.newSilence,
      bytesMax: LIMITS.controlBodyBytesMax,
      example: { namespace: "default", slo: "orders-available", forSeconds: 7_200, reason: "migration of orders" },
    },
    answers: { status: 201, description: "The silence.", schema: shapes.silence, problems: [404, 409] },
    handle: silenceAlerts,
  }),
  endpoint<{ id: string }>({
    method: "DELETE",
    path: "/v1/alerts/silences/{id}",
    role: "operator",
    namespaced: true,
    target: ({ params }) => `silence ${params.id}`,
    group: "Alerts",
    summary: "End a silence",
    params: shapes.params.silence,
    answers: { status: 204, description: "It is over.", problems: [404] },
    handle: unsilence,
  }),
  endpoint<object, object, NewAcknowledgement>({
    method: "POST",
    path: "/v1/alerts/acknowledge",
    role: "operator",
    namespaced: true,
    target: ({ body }) => `slo ${body.namespace}/${body.slo}`,
    group: "Alerts",
    summary: "Acknowledge a firing alert",
    description:
      "Somebody is at it: receivers are not reminded of it meanwhile. It ends with the alert, or after the time. They are told that the alert is resolved all the same.",
    body: {
      schema: shapes.newAcknowledgement,
      bytesMax: LIMITS.controlBodyBytesMax,
      example: { namespace: "default", slo: "orders-available", forSeconds: 3_600, reason: "rolling back" },
    },
    answers: { status: 200, description: "Done.", schema: shapes.acknowledged, problems: [404, 409] },
    handle: acknowledgeAlert,
  }),
]
