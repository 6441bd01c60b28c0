import { PassThrough } from "node:stream";
import type { Cloudflare } from "cloudflare";
import pMap from "p-map";
import type { ResourceState } from "../../stack/state-file-reader";
import { changedProperties, type Properties } from "./properties";
import { describeFailure, kindOf } from "./provider";
import type { ResourceKind } from "./resource-kind";
import { shortName, type StackState } from "./state";

export type Operation = "create" | "update" | "replace" | "delete" | "import" | "same";

/** One thing that was done, or would be. */
export interface Step {
  readonly operation: Operation;
  readonly type: string;
  readonly name: string;
  readonly milliseconds: number;
}

/** What the program registers: a resource as it is to be. */
export interface Goal extends Omit<ResourceState, "id" | "outputs"> {
  readonly deleteBeforeReplace: boolean;
  /** Inputs that stay as the state has them; whole properties, no paths into them. */
  readonly ignoreChanges: readonly string[];
  /** URNs that it may have in the state until now. */
  readonly formerUrns: readonly string[];
  /** Names of hooks, like `beforeDelete`. */
  readonly beforeCreate: readonly string[];
  readonly beforeUpdate: readonly string[];
  readonly afterUpdate: readonly string[];
}

/** What a hook is told of; which of the inputs there are depends on what is about to be done. */
export interface HookCall extends Pick<ResourceState, "urn" | "id" | "name" | "type"> {
  readonly newInputs?: Properties;
  readonly newOutputs?: Properties;
  readonly oldOutputs?: Properties;
  readonly oldInputs?: Properties;
}

export interface DeploymentOptions {
  readonly client: Cloudflare;
  readonly before: StackState;
  /** Plan only: no call that changes anything, nothing saved. */
  readonly preview: boolean;
  /** Called after each change, with the state as it is from then on. */
  readonly save: (state: StackState) => Promise<void>;
  readonly onStep: (step: Step) => void;
  /** Called at the first failure; calls that are under way are still awaited by `idle`. */
  readonly onFailure: () => void;
  /** Calls hooks of the program's, in turn; rejects with the first reason against what is about to be done. */
  readonly runHooks: (names: readonly string[], call: HookCall) => Promise<void>;
  readonly abort: AbortSignal;
}

/** Calls to Cloudflare that are under way at a time. */
export const parallelCalls = 8;

/** Said to the program for everything after the first failure, which stops the deployment. */
export class DeploymentStopped extends Error {}

/**
 * Brings the stack from one state to the next, as Pulumi's engine does: resources are made and changed as the program
 * registers them; what it no longer registers is deleted after everything else, dependents first.
 */
export class Deployment {
  /** Why it failed, one message a line; empty while all is well. */
  readonly failures: string[] = [];

  private readonly options: DeploymentOptions;
  private readonly before: ReadonlyMap<string, ResourceState>;
  private readonly registered = new Set<string>();
  private readonly done = new Map<string, ResourceState>();
  /** Replaced resources, in this run or in one that failed, whose successors exist already. */
  private replaced: readonly ResourceState[];
  private removed = new Set<string>();
  private closed = false;
  private outputs: Properties;
  /** Resources that wait for their calls to Cloudflare, in the order of their registration. */
  private readonly queue = new PassThrough({ objectMode: true });
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(options: DeploymentOptions) {
    this.options = options;
    this.before = new Map(options.before.resources.map((resource) => [resource.urn, resource]));
    this.replaced = options.before.replaced;
    this.outputs = options.before.outputs;
    void pMap(this.queue, (task: () => Promise<void>) => task(), { concurrency: parallelCalls });
  }

  /** Makes one resource so. Rejects with DeploymentStopped once anything has failed. */
  async register(goal: Goal): Promise<ResourceState> {
    const work = this.apply(goal);
    this.underWay.add(work);
    try {
      return await work;
    } finally {
      this.underWay.delete(work);
    }
  }

  /** Begins nothing more, as after a failure of the program itself: what waited for its turn would come after the end of the run. */
  close(): void {
    this.closed = true;
  }

  /** Waits until no call is under way, so that the state is whole. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.underWay);
  }

  /** Takes the outputs of the whole stack. */
  setOutputs(outputs: Properties): void {
    this.outputs = outputs;
  }

  /** Deletes what was not registered, and saves. Does nothing after a failure: what is deleted might still be needed. */
  async finish(): Promise<void> {
    try {
      this.requireGoing();
      const gone = [...this.before.values()].filter(({ urn }) => !this.registered.has(urn));
      await this.deleteAll([...this.replaced, ...gone]);
      await this.save();
    } catch (error) {
      if (!(error instanceof DeploymentStopped)) {
        throw error;
      }
    }
  }

  private async apply(goal: Goal): Promise<ResourceState> {
    this.requireGoing();
    if (this.registered.has(goal.urn)) {
      this.fail(`${shortName(goal)}: is declared twice. Give one of them another logical name.`);
    }
    this.registered.add(goal.urn);
    const before = this.takeBefore(goal);
    const started = performance.now();
    try {
      const { operation, state } = goal.custom
        ? await this.inTurn(() => this.applyCustom(goal, before))
        : await this.applyComponent(goal);
      this.done.set(goal.urn, state);
      if (before !== undefined && before.urn !== goal.urn) {
        this.removed.add(before.urn);
      }
      await this.save();
      this.report(operation, goal, started);
      return state;
    } catch (error) {
      return this.fail(error instanceof DeploymentStopped ? undefined : describeFailure(goal, error));
    }
  }

  /** The resource as it was, under its URN or a former one, which it then has no longer. */
  private takeBefore({ urn, formerUrns }: Goal): ResourceState | undefined {
    const known = [urn, ...formerUrns].find((one) => this.before.has(one));
    if (known === undefined) {
      return undefined;
    }
    this.registered.add(known);
    return this.before.get(known);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.queue.write(() => work().then(resolve, reject));
    });
  }

  private async applyComponent(goal: Goal): Promise<{ operation: Operation; state: ResourceState }> {
    const before = this.before.get(goal.urn);
    const state = stateOf(goal, "", {});
    if (before === undefined) {
      await this.options.runHooks(goal.beforeCreate, { ...state, newInputs: goal.inputs });
      return { operation: "create", state };
    }
    if (changedProperties(before.inputs, goal.inputs).length === 0) {
      return { operation: "same", state };
    }
    await this.options.runHooks(goal.beforeUpdate, changeOf(before, goal));
    return { operation: "update", state };
  }

  private async applyCustom(
    declared: Goal,
    before: ResourceState | undefined,
  ): Promise<{ operation: Operation; state: ResourceState }> {
    this.requireGoing();
    const kind = kindOf(declared.type);
    if (before === undefined) {
      return { operation: "create", state: await this.create(kind, declared) };
    }
    const goal = { ...declared, inputs: withIgnored(declared, before) };
    const changed = changedProperties(before.inputs, goal.inputs);
    if (changed.length === 0) {
      return { operation: "same", state: stateOf(goal, before.id, before.outputs) };
    }
    if (changed.some((name) => kind.replaceOn.includes(name))) {
      return { operation: "replace", state: await this.replace(kind, goal, before) };
    }
    await this.options.runHooks(goal.beforeUpdate, changeOf(before, goal));
    if (this.options.preview) {
      const outputs = kind.previewUpdate(goal.inputs, before.outputs, changed);
      return { operation: "update", state: stateOf(goal, before.id, outputs) };
    }
    const outputs = await kind.update(this.options.client, before.id, goal.inputs, before.outputs);
    try {
      const call = { ...changeOf(before, goal), oldOutputs: before.outputs, newOutputs: outputs };
      await this.options.runHooks(goal.afterUpdate, call);
    } catch (error) {
      // The change was made and stands, and the run fails (pulumi/pulumi, pkg/resource/deploy/step.go, UpdateStep).
      this.failures.push(describeFailure(goal, error));
    }
    return { operation: "update", state: stateOf(goal, before.id, outputs) };
  }

  private async create(kind: ResourceKind, goal: Goal): Promise<ResourceState> {
    await this.options.runHooks(goal.beforeCreate, { ...goal, id: "", newInputs: goal.inputs });
    if (this.options.preview) {
      return stateOf(goal, "", goal.inputs);
    }
    const { id, outputs } = await kind.create(this.options.client, goal.inputs);
    return stateOf(goal, id, outputs);
  }

  private async replace(kind: ResourceKind, goal: Goal, before: ResourceState): Promise<ResourceState> {
    // Taking the protection off and replacing may be one up (pulumi/pulumi, pkg/resource/deploy/step_generator.go: "we
    // don't look at old.Protect here" alone).
    if (goal.protect) {
      this.requireUnprotected([before]);
    }
    if (!goal.deleteBeforeReplace) {
      const successor = await this.create(kind, goal);
      this.replaced = [...this.replaced, before];
      return successor;
    }
    await this.options.runHooks(before.beforeDelete, deletionOf(before));
    if (this.options.preview) {
      return this.create(kind, goal);
    }
    await kind.delete(this.options.client, before.id, before.inputs);
    // Known at once: its successor may fail to come.
    this.removed.add(before.urn);
    await this.save();
    return this.create(kind, goal);
  }

  private async deleteAll(leaving: readonly ResourceState[]): Promise<void> {
    this.requireUnprotected(leaving);
    const leavingUrns = new Set(leaving.map(({ urn }) => urn));
    for (const resource of dependentsFirst(leaving)) {
      this.requireGoing();
      const started = performance.now();
      try {
        await this.options.runHooks(resource.beforeDelete, deletionOf(resource));
        if (resource.custom && !this.options.preview && !leavingUrns.has(resource.deletedWith)) {
          await kindOf(resource.type).delete(this.options.client, resource.id, resource.inputs);
        }
      } catch (error) {
        this.fail(describeFailure(resource, error));
      }
      if (this.replaced.includes(resource)) {
        this.replaced = this.replaced.filter((other) => other !== resource);
      } else {
        this.removed.add(resource.urn);
      }
      await this.save();
      this.report("delete", resource, started);
    }
  }

  private async save(): Promise<void> {
    if (!this.options.preview) {
      await this.options.save(this.state());
    }
  }

  /** What stands now: what was registered, what is still to be deleted, and what has not had its turn. */
  private state(): StackState {
    const waiting = [...this.before.values()].filter(
      ({ urn }) => !this.done.has(urn) && !this.removed.has(urn),
    );
    return {
      resources: [...this.done.values(), ...waiting],
      replaced: this.replaced,
      outputs: this.outputs,
    };
  }

  private report(
    operation: Operation,
    { type, name }: Pick<ResourceState, "type" | "name">,
    started: number,
  ): void {
    this.options.onStep({ operation, type, name, milliseconds: performance.now() - started });
  }

  private requireUnprotected(leaving: readonly ResourceState[]): void {
    const guarded = leaving.filter(({ protect }) => protect);
    if (guarded.length > 0) {
      const say = (resource: ResourceState) =>
        `${shortName(resource)}: is protected and would be deleted. Set sitepass:protect to false, run \`up\`, and try again.`;
      this.fail(guarded.map(say).join("\n"));
    }
  }

  private requireGoing(): void {
    if (this.options.abort.aborted && this.failures.length === 0) {
      this.fail(
        "Stopped by a signal. What was done until then is in the state; run the same command to go on.",
      );
    }
    if (this.failures.length > 0 || this.closed) {
      this.fail(undefined);
    }
  }

  private fail(failure: string | undefined): never {
    if (failure !== undefined) {
      this.failures.push(failure);
    }
    this.options.onFailure();
    throw new DeploymentStopped(this.failures[0]);
  }
}

function stateOf(goal: Goal, id: string, outputs: Properties): ResourceState {
  const { urn, type, name, custom, parent, inputs, dependencies, protect, deletedWith, beforeDelete } = goal;
  return {
    urn,
    type,
    name,
    custom,
    id,
    parent,
    inputs,
    outputs,
    dependencies,
    protect,
    deletedWith,
    beforeDelete,
  };
}

/** What is declared, and of the ignored inputs what the state has, which may be nothing (pulumi/pulumi, pkg/resource/deploy/step_generator.go, processIgnoreChanges). */
function withIgnored({ inputs, ignoreChanges }: Goal, before: ResourceState): Properties {
  const kept = ([name]: readonly [string, unknown]): boolean => ignoreChanges.includes(name);
  return Object.fromEntries([
    ...Object.entries(inputs).filter((entry) => !kept(entry)),
    ...Object.entries(before.inputs).filter(kept),
  ]);
}

const changeOf = (before: ResourceState, { inputs }: Goal): HookCall => ({
  ...before,
  newInputs: inputs,
  oldInputs: before.inputs,
});

const deletionOf = (resource: ResourceState): HookCall => ({ ...resource, oldInputs: resource.inputs });

/** Orders resources so that each comes before what it depends on, the latest made first. */
export function dependentsFirst(resources: readonly ResourceState[]): readonly ResourceState[] {
  // A replaced resource and its successor have the same URN.
  const byUrn = new Map<string, ResourceState[]>();
  for (const resource of resources) {
    byUrn.set(resource.urn, [...(byUrn.get(resource.urn) ?? []), resource]);
  }
  const ordered: ResourceState[] = [];
  const visited = new Set<ResourceState>();
  const visit = (resource: ResourceState): void => {
    if (visited.has(resource)) {
      return;
    }
    visited.add(resource);
    for (const urn of [...resource.dependencies, resource.parent]) {
      byUrn.get(urn)?.forEach(visit);
    }
    ordered.push(resource);
  };
  resources.forEach(visit);
  return ordered.reverse();
}
