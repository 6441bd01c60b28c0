import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import packageFile from "../package.json";

const root = join(__dirname, "..");
const github = join(root, ".github");

const stepSchema = z.looseObject({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).default({}),
  env: z.record(z.string(), z.unknown()).default({}),
});
const permissionsSchema = z.record(z.string(), z.string());
const jobSchema = z.looseObject({
  if: z.string().optional(),
  environment: z.string().optional(),
  "timeout-minutes": z.number(),
  permissions: permissionsSchema.optional(),
  env: z.record(z.string(), z.unknown()).default({}),
  steps: z.array(stepSchema),
});
const workflowSchema = z.looseObject({
  on: z.record(z.string(), z.unknown()),
  permissions: permissionsSchema,
  concurrency: z.object({ group: z.string(), "cancel-in-progress": z.union([z.boolean(), z.string()]) }),
  jobs: z.record(z.string(), jobSchema),
});
const actionSchema = z.looseObject({ runs: z.looseObject({ steps: z.array(stepSchema) }) });

interface Workflow extends z.infer<typeof workflowSchema> {
  readonly file: string;
  readonly text: string;
}

const workflows: readonly Workflow[] = readdirSync(join(github, "workflows")).map((file) => {
  const text = readFileSync(join(github, "workflows", file), "utf8");
  return { file, text, ...workflowSchema.parse(parse(text)) };
});
const actions = readdirSync(join(github, "actions")).map((name) => {
  const text = readFileSync(join(github, "actions", name, "action.yml"), "utf8");
  return { file: `actions/${name}`, text, ...actionSchema.parse(parse(text)) };
});

const gitlab = readFileSync(join(root, "docs", "gitlab-ci.yml"), "utf8");

const jobs = workflows.flatMap((workflow) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({
    workflow,
    title: `${workflow.file}, ${name}`,
    ...job,
  })),
);
const steps = [
  ...jobs.flatMap(({ title, steps: own }) => own.map((step) => ({ title, ...step }))),
  ...actions.flatMap(({ file, runs }) => runs.steps.map((step) => ({ title: file, ...step }))),
];
const isCheckout = ({ uses = "" }: { readonly uses?: string | undefined }) =>
  uses.startsWith("actions/checkout@");
const secretsIn = ({ steps: its, env }: Pick<z.infer<typeof jobSchema>, "steps" | "env">): boolean =>
  /\bsecrets\b/.test(JSON.stringify([its, env]));

describe("the workflows", () => {
  it("are the ones that docs/ci.md tells of", () => {
    const guide = readFileSync(join(root, "docs", "ci.md"), "utf8");
    for (const { file } of workflows) {
      assert.ok(guide.includes(file), file);
    }
    assert.ok(workflows.length >= 5);
  });

  it("take every action by a whole commit, with its release beside it", () => {
    for (const { file, text } of [...workflows, ...actions]) {
      for (const [, what = ""] of text.matchAll(/uses: (.+)$/gm)) {
        assert.match(what, /^(?:\.\/\S+|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/, file);
      }
    }
    const commits = new Map<string, string>();
    for (const { uses = "" } of steps) {
      const [action = "", commit = ""] = uses.split("@");
      assert.equal(commits.get(action) ?? commit, commit, `${action} is taken twice, differently`);
      commits.set(action, commit);
    }
    for (const { uses } of steps.filter((step) => step.uses?.startsWith("./") === true)) {
      assert.ok(existsSync(join(root, uses ?? "", "action.yml")), uses);
    }
  });

  it("may by default read the code at most, and write comments and issues in jobs without secrets alone", () => {
    for (const { file, permissions } of workflows) {
      assert.ok(["{}", '{"contents":"read"}'].includes(JSON.stringify(permissions)), file);
    }
    for (const job of jobs) {
      const writes = Object.entries(job.permissions ?? {}).filter(([, right]) => right !== "read");
      for (const [what, right] of writes) {
        assert.match(`${what}: ${right}`, /^(?:issues|pull-requests): write$/, job.title);
      }
      assert.ok(writes.length === 0 || !secretsIn(job), `${job.title} has secrets and may write`);
    }
  });

  it("end by themselves, one at a time, and an up is never cancelled", () => {
    for (const { file, concurrency, text } of workflows) {
      const cancels = concurrency["cancel-in-progress"];
      assert.ok(
        cancels === false || !/pulumi up|daily-checks/.test(text),
        `${file} could be cancelled in an up`,
      );
    }
    // Groups are the repository's: a run would cancel one of another workflow.
    const groups = workflows.map(({ concurrency: { group } }) => group);
    assert.equal(new Set(groups).size, groups.length);
    for (const job of jobs) {
      assert.ok(job["timeout-minutes"] <= 120, job.title);
    }
  });

  // When this fails: a run from before a site was added, run again, deletes that site's token, and its pushes are refused.
  it("change nothing from a commit that main has left behind", () => {
    const commands = jobs.map((job) => job.steps.map(({ run = "" }) => run).filter((run) => run !== ""));
    const ups = commands.filter((runs) => runs.some((run) => run.includes("pulumi up")));
    assert.equal(ups.length, 1);
    for (const runs of ups) {
      const at = runs.findIndex((run) => run.includes("pulumi up"));
      assert.equal(runs[at - 1], "npx tsx scripts/ci/newest.ts");
    }
  });

  it("leave no credentials behind in what they check out", () => {
    for (const step of steps.filter(isCheckout)) {
      assert.equal(step.with["persist-credentials"], false, step.title);
    }
  });

  // When this fails: with pull_request_target, what is checked out is run with main's secrets.
  it("never check out a pull request where it is not the pull request's own workflow that runs", () => {
    const targets = workflows.filter(({ on }) => "pull_request_target" in on || "workflow_run" in on);
    assert.deepEqual(
      targets.map(({ file }) => file),
      ["preview.yml"],
    );
    for (const { file, jobs: its } of targets) {
      for (const step of Object.values(its).flatMap((job) => job.steps)) {
        assert.ok(!isCheckout(step) || step.with.ref === undefined, file);
        assert.ok(!isCheckout(step) || step.with.repository === undefined, file);
        assert.doesNotMatch(step.run ?? "", /\bgit\b|\bgh\b|curl|wget/, file);
      }
    }
  });

  it("have secrets in environments alone, and never for a pull request from elsewhere", () => {
    for (const job of jobs.filter(secretsIn)) {
      assert.ok(job.environment !== undefined, `${job.title} has secrets and no environment`);
      assert.match(job.if ?? "", /^vars\.SITEPASS_STACKS != '' && /, job.title);
      const { on } = job.workflow;
      assert.match(
        job.if ?? "",
        "pull_request" in on || "pull_request_target" in on
          ? /&& github\.event\.pull_request\.head\.repo\.full_name == github\.repository$/
          : /&& github\.ref == 'refs\/heads\/main'$/,
        job.title,
      );
    }
    assert.deepEqual([...new Set(jobs.filter(secretsIn).map(({ environment }) => environment))].sort(), [
      "daily",
      "preview",
      "preview-of-code",
      "production",
    ]);
    assert.ok(
      !workflows.some(({ file, jobs: its }) => file === "check.yml" && Object.values(its).some(secretsIn)),
    );
    for (const { file, text } of workflows) {
      // In the environment of single steps, and not of a job, whose other steps need none.
      assert.doesNotMatch(text, /^ {0,6}\w.*\$\{\{ secrets/m, file);
    }
  });

  // When this fails: what a branch or a title is called would be a part of the command. Give it as a variable in `env`.
  it("put nothing into a command but variables of the environment", () => {
    for (const { title, run = "" } of steps) {
      assert.doesNotMatch(run, /\$\{\{/, title);
    }
  });

  it("install the Pulumi CLI of package.json's version, and try every Node.js that package.json allows", () => {
    const [installing] = steps.filter(({ uses = "" }) => uses.startsWith("pulumi/actions@"));
    assert.equal(installing?.with["pulumi-version"], packageFile.dependencies["@pulumi/pulumi"]);
    const check = workflows.find(({ file }) => file === "check.yml");
    const versions = [...(check?.text.matchAll(/- node: (\S+)/g) ?? [])].map(([, version]) => version);
    assert.deepEqual(versions, ["20.19.0", "22", "24"]);
    assert.equal(packageFile.engines.node, ">=20.19");
    assert.ok(gitlab.includes(`PULUMI_VERSION: "${packageFile.dependencies["@pulumi/pulumi"]}"`));
  });
});

describe("the pipelines of GitLab", () => {
  // When this fails: the variables of a pipeline are the merge request's, and BASH_ENV among them is a command.
  it("take the number of a merge request from a person, and from no job of the merge request", () => {
    const pipeline = z
      .record(
        z.string(),
        z
          .looseObject({ trigger: z.unknown().optional(), rules: z.array(z.unknown()).optional() })
          .or(z.unknown()),
      )
      .parse(parse(gitlab, { merge: true }));
    const text = JSON.stringify(pipeline);
    assert.doesNotMatch(text, /"trigger":|== \\"(?:pipeline|trigger|api)\\"/);
    assert.match(JSON.stringify(pipeline["preview-sites"]), /\$CI_PIPELINE_SOURCE == \\"web\\"/);
    assert.match(JSON.stringify(pipeline.deploy), /\$MERGE_REQUEST == null/);
  });
});
