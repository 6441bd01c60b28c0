import type { PolicyConfigSchema, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { Pushes } from "./pushes";
import { stackResources, type Resource, type StackResource } from "./resources";
import type { Settings } from "./settings";

/** What a rule looks at: the resources of a stack, or the single one that is about to be changed. */
export interface View {
  readonly resources: readonly StackResource[];
  readonly pushes: Pushes;
  /** A setting of the rule's own, by its name in configSchema; undefined where nobody set it. */
  readonly setting: (name: string) => unknown;
}

export interface Violation {
  readonly resource: Resource;
  /** What is wrong, with the value, and what becomes of a push by it; without the full stop. */
  readonly says: string;
  /** What to do, without the full stop. */
  readonly todo: string;
}

/** One rule of the pack. */
export interface Rule {
  readonly name: string;
  /** What holds where the rule is kept. */
  readonly description: string;
  readonly configSchema?: PolicyConfigSchema;
  /** Whether a single resource can break it by itself, so that `up` stops before that one is changed. */
  readonly early: boolean;
  readonly violations: (view: View) => readonly Violation[];
}

/**
 * A rule as the policy SDK takes it. What a single resource shows by itself is said of it when it is declared, and not again
 * when the whole stack is looked at.
 */
export function policyOf(
  rule: Rule,
  settings: Settings,
): StackValidationPolicy & Pick<ResourceValidationPolicy, "validateResource"> {
  const { name, description, configSchema } = rule;
  const common = {
    name,
    description,
    enforcementLevel: "mandatory",
    ...(configSchema === undefined ? {} : { configSchema }),
  } as const;
  const alone = (resource: StackResource, setting: View["setting"]) =>
    rule.early
      ? rule
          .violations({ resources: [resource], pushes: new Pushes(settings, [resource]), setting })
          .map(messageOf)
      : [];
  return {
    ...common,
    ...(rule.early
      ? {
          validateResource: (args, report) => {
            const { type, name: logicalName, urn, props } = args;
            const resource = { type, name: logicalName, urn, props, sourcesOf: () => [] };
            for (const message of alone(resource, settingIn(args.getConfig()))) {
              report(message);
            }
          },
        }
      : {}),
    validateStack: (args, report) => {
      const all = stackResources(args.resources);
      const setting = settingIn(args.getConfig());
      const view = { resources: all, pushes: new Pushes(settings, all), setting };
      const said = new Set(
        all.flatMap((resource) => alone(resource, setting).map((message) => `${resource.urn} ${message}`)),
      );
      for (const violation of rule.violations(view)) {
        const message = messageOf(violation);
        if (!said.has(`${violation.resource.urn} ${message}`)) {
          report(message, violation.resource.urn);
        }
      }
    },
  };
}

const settingIn =
  (config: object): View["setting"] =>
  (name): unknown =>
    Reflect.get(config, name);

const messageOf = ({ says, todo }: Violation): string => `${says}. ${todo}.`;
