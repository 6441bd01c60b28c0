const stackType = "pulumi:pulumi:Stack";

/** URNs as Pulumi writes them: the types of all parents but the stack, outermost first. */
export class UrnScheme {
  /** The root of every stack's resources. */
  readonly stack: { readonly urn: string; readonly type: string; readonly name: string };
  private readonly prefix: string;

  constructor(project: string, stack: string) {
    this.prefix = `urn:pulumi:${stack}::${project}::`;
    const name = `${project}-${stack}`;
    this.stack = { urn: this.of("", stackType, name), type: stackType, name };
  }

  of(parent: string, type: string, name: string): string {
    const parentTypes = parent.startsWith(this.prefix)
      ? (parent.slice(this.prefix.length).split("::")[0] ?? "")
      : "";
    const qualified = parentTypes === "" || parentTypes === stackType ? type : `${parentTypes}$${type}`;
    return `${this.prefix}${qualified}::${name}`;
  }
}
