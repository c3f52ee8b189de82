/** All orders, in a table. */
import { DurableObject } from "cloudflare:workers"

export interface NewOrder {
  readonly productId: string
  readonly name: string
  readonly amountCents: number
}

/** One service's view of a request: which trace it was told to be part of. */
export interface Hop {
  readonly service: string
  readonly traceparent: string | null
}

export interface Order extends NewOrder {
  readonly id: string
  readonly placedAtMs: number
  readonly status: "pending" | "paid" | "unpaid"
  /** The version of orders that took it. */
  readonly takenBy: string
  readonly hops: readonly Hop[]
}

type Row = { [column in keyof Order]: Order[column] extends number ? number : string }

const LISTED_MAX = 8

export class OrderBook extends DurableObject {
  constructor(state: DurableObjectState, env: unknown) {
    super(state, env as never)
    state.storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, placedAtMs INTEGER NOT NULL, productId TEXT NOT NULL,
         name TEXT NOT NULL, amountCents INTEGER NOT NULL, status TEXT NOT NULL, takenBy TEXT NOT NULL, hops TEXT NOT NULL)`,
    )
  }

  add(order: Order): void {
    const { id, placedAtMs, productId, name, amountCents, status, takenBy, hops } = order
    this.ctx.storage.sql.exec(
      "INSERT INTO orders (id, placedAtMs, productId, name, amountCents, status, takenBy, hops) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      ...[id, placedAtMs, productId, name, amountCents, status, takenBy, JSON.stringify(hops)],
    )
  }

  settle(id: string, status: Order["status"], hops: readonly Hop[]): void {
    this.ctx.storage.sql.exec("UPDATE orders SET status = ?, hops = ? WHERE id = ?", status, JSON.stringify(hops), id)
  }

  /** Newest first. */
  list(): Order[] {
    return this.#select("ORDER BY placedAtMs DESC, rowid DESC LIMIT ?", LISTED_MAX)
  }

  get(id: string): Order | undefined {
    return this.#select("WHERE id = ?", id)[0]
  }

  #select(rest: string, ...values: (string | number)[]): Order[] {
    const rows = this.ctx.storage.sql.exec<Row>(`SELECT * FROM orders ${rest}`, ...values).toArray()
    return rows.map((row) => ({ ...row, hops: JSON.parse(row.hops) }) as Order)
  }
}
