/** Brings an object's SQLite schema up to date: an append-only list of numbered steps, each applied once. */

/** Applies the steps that the storage has not seen yet. Steps are never edited, only added. */
export function migrate(storage: DurableObjectStorage, steps: readonly string[]): void {
  storage.transactionSync(() => {
    storage.sql.exec("CREATE TABLE IF NOT EXISTS migrations (step INTEGER PRIMARY KEY)")
    const done = storage.sql.exec<{ count: number }>("SELECT COUNT(*) AS count FROM migrations").one().count
    for (let step = done; step < steps.length; step++) {
      storage.sql.exec(steps[step]!)
      storage.sql.exec("INSERT INTO migrations (step) VALUES (?)", step + 1)
    }
  })
}
