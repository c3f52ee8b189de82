/** The mesh as a drawing: who calls whom, as Mermaid and Graphviz draw it. */
import type { StatsRow } from "#shared/model/telemetry.ts"
import { latencyText, rateText, serviceText, successText } from "./stats-text.ts"

export interface Graph {
  readonly nodes: readonly string[]
  readonly edges: readonly StatsRow[]
}

/** Edges that carried requests, and every service that is known. */
export function graphOf(edges: readonly StatsRow[], services: readonly string[]): Graph {
  const used = edges.filter(({ requests }) => requests > 0)
  const nodes = new Set([...used.flatMap(({ from = "", to = "" }) => [from, to]), ...services])
  return { nodes: [...nodes].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b)), edges: used }
}

/** From outside comes first. */
function rank(id: string): number {
  return id === "public" ? 0 : 1
}

export function mermaid({ nodes, edges }: Graph): string {
  const places = new Map(nodes.map((node, index) => [node, `n${index}`]))
  const quoted = (text: string) => `"${text.replaceAll('"', "#quot;")}"`
  const shape = (node: string) =>
    rank(node) === 0 ? `([${quoted(serviceText(node))}])` : `[${quoted(serviceText(node))}]`
  const failing = edges.flatMap((edge, index) =>
    isFailing(edge) ? [`  linkStyle ${index} stroke:#d33,color:#d33`] : [],
  )
  return lines([
    "flowchart LR",
    ...nodes.map((node) => `  ${places.get(node)}${shape(node)}`),
    ...edges.map(
      (edge) => `  ${places.get(edge.from ?? "")} -->|${quoted(labelOf(edge))}| ${places.get(edge.to ?? "")}`,
    ),
    ...failing,
  ])
}

export function dot({ nodes, edges }: Graph): string {
  const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`
  return lines([
    "digraph mesh {",
    "  rankdir=LR",
    "  node [shape=box, style=rounded, fontname=sans]",
    "  edge [fontname=sans, fontsize=10]",
    ...nodes.map((node) => `  ${quoted(serviceText(node))}${rank(node) === 0 ? " [shape=oval]" : ""}`),
    ...edges.map((edge) => {
      const color = isFailing(edge) ? ', color="#dd3333", fontcolor="#dd3333"' : ""
      return `  ${quoted(serviceText(edge.from))} -> ${quoted(serviceText(edge.to))} [label=${quoted(labelOf(edge))}${color}]`
    }),
    "}",
  ])
}

function labelOf({ perSecond, successRate = 0, latencyMs }: StatsRow): string {
  const success = successText(successRate, (_style, text) => text)
  return `${rateText(perSecond)}/s, ${success}, p99 ${latencyText(latencyMs?.p99 ?? 0)}`
}

/** As the table has it in another color than green. */
function isFailing({ successRate = 1 }: StatsRow): boolean {
  return successRate < 0.99
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("")
}
