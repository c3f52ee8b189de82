/** The API key of the bench's mesh. */
export const API_KEY = "weft_key_bench_0123456789abcdefghijklmnopqrstuv"
