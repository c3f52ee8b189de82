import { describe, expect, it } from "vitest"
import { readTraceVariables } from "#workers/proxy/trace-settings.ts"

describe("the variables of traces", () => {
  it("are none by default, and nothing is recorded then", () => {
    expect(readTraceVariables({})).toEqual({
      settings: { percent: undefined, trustsPublic: false },
      collector: undefined,
      attributes: {},
      problems: [],
    })
  })

  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example" }, "https://otel.example/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example/api/" }, "https://otel.example/api/v1/traces"],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "https://a.example", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://b.example/t" },
      "https://b.example/t",
    ],
  ])("name a collector as OpenTelemetry does: %j", (env, url) => {
    expect(readTraceVariables(env)).toMatchObject({ collector: { url }, settings: { percent: 1 }, problems: [] })
  })

  it("give headers and attributes, percent-encoded", () => {
    const { collector, attributes } = readTraceVariables({
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20a%3D%3D, x-team = mesh",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=prod",
    })
    expect(collector!.headers).toEqual({ authorization: "Basic a==", "x-team": "mesh" })
    expect(attributes).toEqual({ "deployment.environment.name": "prod" })
  })

  it.each([
    [{ WEFT_TRACE_PERCENT: "many" }, 'WEFT_TRACE_PERCENT is "many", and must be a number from 0 to 100'],
    [{ WEFT_TRACE_PERCENT: "101" }, 'WEFT_TRACE_PERCENT is "101", and must be a number from 0 to 100'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "otel:4318" }, "OTEL_EXPORTER_OTLP_ENDPOINT is no URL by http or https"],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "https://a.example", OTEL_EXPORTER_OTLP_HEADERS: "x=1,secret" },
      "OTEL_EXPORTER_OTLP_HEADERS: part 2 is not name=value",
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "https://a.example", OTEL_EXPORTER_OTLP_HEADERS: "x=secret%0Ay" },
      "OTEL_EXPORTER_OTLP_HEADERS has a header that cannot be sent",
    ],
  ])("are told of when they cannot be used, without a secret: %j", (env, problem) => {
    const { problems } = readTraceVariables(env)
    expect(problems).toEqual([problem])
    expect(problems.join()).not.toContain("secret")
  })
})
