import { z } from "zod";

/** An instant query's answer, which is the same in Prometheus and Loki (prometheus.io/docs/prometheus/latest/querying/api). */
const answerSchema = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

/**
 * Asks for a number for each site.
 *
 * @param queryUrl the service's address for instant queries.
 * @param query a query whose result has the label `siteLabel` alone.
 */
export async function countBySite(
  queryUrl: string,
  query: string,
  siteLabel: string,
): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${queryUrl}?${new URLSearchParams({ query }).toString()}`);
  const { data } = answerSchema.parse(await response.json());
  return new Map(data.result.map(({ metric, value }) => [metric[siteLabel] ?? "", Number(value[1])]));
}
