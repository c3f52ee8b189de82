/** What is wrong with the objects that isolates ask, where a story says that something is. */
export interface Trouble {
  /** Each answer comes so much later; one that comes later than anybody waits is as good as none. */
  readonly lateMs?: number
  /** Each call fails at once. */
  readonly down?: boolean
}
