import { z } from "zod";
import { logicalNameIn } from "../provision/declared-objects";

/** A resource in a stack's whole state; what else there is of it stays as it is. */
export interface ExportedResource {
  readonly urn: string;
  /** Type token, such as `cloudflare:index/dnsRecord:DnsRecord`. */
  readonly type: string;
  /** Cloudflare's ID; undefined or empty for components. */
  readonly id?: string | undefined;
  readonly inputs?: unknown;
  /** URNs of what it needs; so are those below. */
  readonly dependencies?: readonly string[] | null | undefined;
  /** By property. */
  readonly propertyDependencies?: Readonly<Record<string, readonly string[] | null>> | null | undefined;
  /** What it is replaced with. */
  readonly replaceWith?: readonly string[] | null | undefined;
  /** What takes it along when it is deleted; empty for nothing. */
  readonly deletedWith?: string | null | undefined;
}

/** A stack's whole state, as its engine gives it out. Pulumi's is encrypted where it is secret, local/engine's is in clear. */
export interface ParsedExport {
  /** All that it holds, what is still to be deleted included. */
  readonly resources: readonly ExportedResource[];
  /** What a run began and did not end, such as "creating osaka". Taking a document in, Pulumi forgets these. */
  readonly pending: readonly string[];
  /** The document without some of its resources, and without what the others say of them. */
  readonly without: (forgotten: ReadonlySet<ExportedResource>) => string;
}

/** One that can be put back: for a change that neither `up` nor `refresh` can make. */
export interface ExportedState extends ParsedExport {
  /**
   * Puts a document in the place of the state.
   *
   * @throws UserError with what the engine said when it does not take it; nothing is changed then.
   */
  readonly replaceWith: (document: string) => Promise<void>;
}

const urns = z.array(z.string()).nullish();

const deploymentSchema = z.looseObject({
  deployment: z.looseObject({
    resources: z.array(
      z.looseObject({
        urn: z.string(),
        type: z.string(),
        id: z.string().optional(),
        dependencies: urns,
        propertyDependencies: z.record(z.string(), z.array(z.string()).nullable()).nullish(),
        replaceWith: urns,
        deletedWith: z.string().nullish(),
      }),
    ),
    pending_operations: z
      .array(z.looseObject({ type: z.string(), resource: z.looseObject({ urn: z.string() }) }))
      .nullish(),
  }),
});

/**
 * Reads what `pulumi stack export` printed (pulumi/pulumi, sdk/go/common/apitype/core.go, UntypedDeployment, DeploymentV3).
 *
 * @returns undefined when it is not a deployment, or one of a stack that was never brought up.
 */
export function parseExport(text: string): ParsedExport | undefined {
  const parsed = deploymentSchema.safeParse(jsonIn(text));
  if (!parsed.success) {
    return undefined;
  }
  const { deployment, ...rest } = parsed.data;
  const { resources, pending_operations: pending } = deployment;
  return {
    resources,
    pending: (pending ?? []).map(({ type, resource }) => `${type} ${logicalNameIn(resource.urn)}`),
    without: (forgotten) => {
      const kept = withoutResources(resources, forgotten);
      return `${JSON.stringify({ ...rest, deployment: { ...deployment, resources: kept } }, undefined, 4)}\n`;
    },
  };
}

/** Undefined for what is not JSON. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * A list of resources without some of them. The others no longer name what is not there any more: `pulumi stack import`
 * refuses a state that does, and one in which something comes after what names it.
 *
 * @param list in an order in which each resource comes after what it needs.
 * @param earlier what comes before all of the list.
 */
export function withoutResources<Row extends ExportedResource>(
  list: readonly Row[],
  forgotten: ReadonlySet<ExportedResource>,
  earlier: readonly ExportedResource[] = [],
): readonly Row[] {
  const suspects = new Set([...forgotten].map(({ urn }) => urn));
  // A replaced resource has its successor's URN, which may stay.
  const seen = new Set(earlier.filter((one) => !forgotten.has(one)).map(({ urn }) => urn));
  const kept: Row[] = [];
  for (const one of list.filter((row) => !forgotten.has(row))) {
    kept.push(withoutReferences(one, (urn) => suspects.has(urn) && !seen.has(urn)));
    seen.add(one.urn);
  }
  return kept;
}

function withoutReferences<Row extends ExportedResource>(row: Row, isGone: (urn: string) => boolean): Row {
  const { dependencies, propertyDependencies, replaceWith, deletedWith } = row;
  const there = (some: readonly string[]) => some.filter((urn) => !isGone(urn));
  return {
    ...row,
    ...(dependencies ? { dependencies: there(dependencies) } : {}),
    ...(propertyDependencies
      ? {
          propertyDependencies: Object.fromEntries(
            Object.entries(propertyDependencies).map(([property, of]) => [
              property,
              of === null ? null : there(of),
            ]),
          ),
        }
      : {}),
    ...(replaceWith ? { replaceWith: there(replaceWith) } : {}),
    ...(typeof deletedWith === "string" && isGone(deletedWith) ? { deletedWith: "" } : {}),
  };
}
