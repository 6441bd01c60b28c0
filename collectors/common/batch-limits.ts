/**
 * How much one push holds at most, before it is compressed.
 *
 * What is too long for a store is refused for good, and not always with a status that says so: Loki answers 500 to what is
 * longer than its gRPC messages, 4 MiB, and 429 to what is longer than its burst, 6 MB (docs/facts/edge.md, E68). Collectors
 * repeat that without end, and all that comes after waits. So no push comes near.
 */
export const batchLimits = {
  /** Bytes of lines, with their labels. */
  logs: 1_048_576,
  /** Bytes of samples, with their labels. Prometheus takes 32 MB and vminsert too. */
  metrics: 3_000_000,
  /** For collectors that count samples: with labels of up to 1,500 bytes, as many bytes as above. */
  samples: 2000,
} as const;
