import { z } from "zod";

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

/**
 * A stack's whole state, as its engine gives it out and takes it back: what a person can put in the state's place after a
 * change that neither `up` nor `refresh` can make. Pulumi's is encrypted where it is secret, local/engine's is in clear.
 */
export interface ExportedState {
  /** All that it holds, what is still to be deleted included. */
  readonly resources: readonly ExportedResource[];
  /** The document without some of its resources, and without what the others say of them. */
  readonly without: (forgotten: ReadonlySet<ExportedResource>) => string;
  /** The command, for the project's folder, that puts such a document in the place of the state. */
  readonly putInPlace: (file: string) => string;
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
  }),
});

/**
 * Reads what `pulumi stack export` printed (pulumi/pulumi, sdk/go/common/apitype/core.go, UntypedDeployment, DeploymentV3).
 *
 * @returns undefined when it is not a deployment, or one of a stack that was never brought up.
 */
export function parseExport(text: string, stackName: string): ExportedState | undefined {
  const parsed = deploymentSchema.safeParse(jsonIn(text));
  if (!parsed.success) {
    return undefined;
  }
  const { deployment, ...rest } = parsed.data;
  const { resources } = deployment;
  return {
    resources,
    without: (forgotten) => {
      const kept = withoutResources(resources, forgotten, resources);
      return `${JSON.stringify({ ...rest, deployment: { ...deployment, resources: kept } }, undefined, 4)}\n`;
    },
    putInPlace: (file) => `pulumi stack import --stack ${stackName} --file ${file}`,
  };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * A list of resources without some of them. The others no longer name what is not there any more: `pulumi stack import`
 * refuses a state that does.
 *
 * @param all what there is in this list and others. A replaced resource has its successor's URN, which may stay.
 */
export function withoutResources<Row extends ExportedResource>(
  list: readonly Row[],
  forgotten: ReadonlySet<ExportedResource>,
  all: readonly ExportedResource[],
): readonly Row[] {
  const staying = new Set(all.filter((one) => !forgotten.has(one)).map(({ urn }) => urn));
  const gone = new Set([...forgotten].map(({ urn }) => urn).filter((urn) => !staying.has(urn)));
  return list.filter((one) => !forgotten.has(one)).map((one) => withoutReferences(one, gone));
}

function withoutReferences<Row extends ExportedResource>(row: Row, gone: ReadonlySet<string>): Row {
  const { dependencies, propertyDependencies, replaceWith, deletedWith } = row;
  const there = (some: readonly string[]) => some.filter((urn) => !gone.has(urn));
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
    ...(typeof deletedWith === "string" && gone.has(deletedWith) ? { deletedWith: "" } : {}),
  };
}
