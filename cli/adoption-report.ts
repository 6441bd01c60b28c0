import { problemText } from "../fleet/problem";
import { plural } from "../fleet/wording";
import type { AdoptionOptions, AdoptionPlan, AdoptionResult } from "../operate/adopt/adopt-fleet";
import { resourceTypes } from "../provision/declared-objects";
import type { Adoption } from "../operate/adopt/adoption-plan";
import type { NewFileOutcome } from "../operate/adopt/write-new-file";
import type { Terminal } from "./terminal";

interface ReportOptions extends Pick<AdoptionOptions, "dryRun" | "rotate"> {
  readonly stackName: string;
}

/** What `--json` prints. */
export function adoptionDocument(plan: AdoptionResult, dryRun: boolean): object {
  return {
    dryRun,
    refusals: plan.refusals.map(problemText),
    files: plan.files,
    sites: plan.sites.map(({ site, token, known, newFile }) => ({
      site: site.name,
      tokenId: token.id,
      tokenName: token.name,
      adopted: known,
      signals: site.signals,
      newFile: newFile?.file ?? null,
      secretVersion: site.token.secretVersion,
      previousSecretExpiresAt: site.token.previousSecretExpiresAt ?? null,
    })),
    imports: plan.adoptions.map(({ becomes, importId, object, changes }) => ({
      object,
      type: becomes.type,
      name: becomes.name,
      parent: becomes.component,
      id: importId,
      changes,
    })),
    losses: plan.losses.map(problemText),
    notes: plan.notes,
    leftOver: plan.leftOver,
    preflightWouldRefuse: plan.preflightWouldRefuse,
  };
}

/** What was found and done, for people; ends with what to do next, or with why nothing was written. */
export function showAdoption(plan: AdoptionResult, options: ReportOptions, terminal: Terminal): void {
  const { colors, print } = terminal;
  showSites(plan, terminal);
  showObjects(plan.adoptions, terminal);
  for (const note of plan.notes) {
    print(`${colors.bold("Note")} ${note}`);
  }
  for (const { says } of plan.leftOver) {
    print(`${colors.yellow("Left over")} ${says}`);
  }
  if (plan.refusals.length > 0) {
    terminal.sayProblems(plan.refusals);
    return;
  }
  for (const loss of plan.losses) {
    print(`${colors.yellow("Accepted loss")} ${problemText(loss)}`);
  }
  const known = plan.sites.filter((one) => one.known).length;
  if (known > 0) {
    print(`${plural(known, "site")} ${known === 1 ? "is" : "are"} adopted already.`);
  }
  if (plan.adoptions.length === 0) {
    print("Everything is adopted: there is nothing to import.");
    return;
  }
  showFiles(plan, options, terminal);
  showSecrets(plan, options, terminal);
  if (!options.dryRun) {
    showNextSteps(plan, options, terminal);
  }
}

function showSites({ sites }: AdoptionPlan, { print, table }: Terminal): void {
  const rows = sites
    .filter(({ known }) => !known)
    .map(({ site, token, newFile }) => [
      site.name,
      token.name,
      site.signals.join(", "),
      newFile === undefined ? `${site.file} (exists already)` : newFile.file,
    ]);
  if (rows.length > 0) {
    print(`${table(["site", "service token", "pushes", "file"], rows)}\n`);
  }
}

/** Tokens are in the table of sites already, and there may be hundreds; all of them change in the same way. */
function showObjects(adoptions: readonly Adoption[], { print, table }: Terminal): void {
  const tokens = adoptions.filter(({ becomes }) => becomes.type === resourceTypes.token);
  const others = adoptions.filter(({ becomes }) => becomes.type !== resourceTypes.token);
  const properties = (some: readonly Adoption[]): string => {
    const names = new Set(some.flatMap(({ changes }) => changes.map(({ property }) => property)));
    return names.size === 0 ? "nothing" : [...names].join(", ");
  };
  const rows = others.map((one) => [
    one.object,
    `${one.becomes.type.slice(one.becomes.type.lastIndexOf(":") + 1)} ${one.becomes.name}`,
    properties([one]),
  ]);
  if (tokens.length > 0) {
    rows.unshift([plural(tokens.length, "service token"), "one for each site", properties(tokens)]);
  }
  if (rows.length > 0) {
    print(`${table(["object", "becomes", "up changes"], rows)}\n`);
  }
}

function showFiles({ files }: AdoptionResult, { dryRun }: ReportOptions, terminal: Terminal): void {
  const count = (wanted: NewFileOutcome) => files.filter(({ outcome }) => outcome === wanted).length;
  const [written, unchanged] = [count("written"), count("unchanged")];
  const verb = dryRun ? "would be written" : written === 1 ? "was written" : "were written";
  const already = unchanged === 0 ? "" : `, ${unchanged} ${unchanged === 1 ? "was" : "were"} there already`;
  terminal.print(`${plural(written, "file")} ${verb}${already}.`);
  terminal.sayProblems(
    files
      .filter(({ outcome }) => outcome === "taken")
      .map(({ file }) => ({
        subject: file,
        says: "was made by somebody else meanwhile and was left alone",
        todo: "Look at it, and run this again",
      })),
  );
}

/** An import never brings a secret: Cloudflare shows one when it is made, and never again. */
function showSecrets({ sites }: AdoptionPlan, { rotate }: ReportOptions, { print }: Terminal): void {
  const ends = sites.filter(({ known }) => !known).map(({ site }) => site.token.previousSecretExpiresAt);
  const rotating = ends.filter((end) => end !== undefined);
  const unknown = ends.length - rotating.length;
  if (rotating[0] !== undefined) {
    print(
      `The first \`up\` makes new secrets for ${plural(rotating.length, "site")}; those of today work until ${rotating[0]}. Run it soon, and bring the new ones to the sites before then.`,
    );
  }
  if (unknown > 0) {
    const [secrets, they, work, them] =
      unknown === 1 ? ["secret", "It", "works", "it"] : ["secrets", "They", "work", "them"];
    print(
      `The ${secrets} of ${plural(unknown, "site")} cannot be read back. ${they} ${work} on at the sites, but this project cannot hand ${them} out or test ${them}. For new ones ${rotate === undefined ? "pass --rotate now, or " : ""}run \`npx sitepass rotate\` after the first \`up\`.`,
    );
  }
}

function showNextSteps(
  plan: AdoptionResult,
  { stackName }: ReportOptions,
  { colors, print }: Terminal,
): void {
  const document = plan.files.at(-1)?.file ?? "";
  const importsApplication = plan.adoptions.some(({ becomes }) => becomes.type === resourceTypes.application);
  const steps = [
    `pulumi import --stack ${stackName} --file ${document} --generate-code=false: takes all this into the state, protected, and changes nothing in Cloudflare.${importsApplication ? " Pass over its warnings that inputs of applications failed to validate: nothing is made of them." : ""}`,
    ...(plan.preflightWouldRefuse
      ? [
          "Set sitepass:preflight to false for the first up: it counts tokens by name, and would take these for other ones.",
        ]
      : []),
    `pulumi preview --stack ${stackName}: updates of what was imported, and what this fleet lacks; no deletion and no replacement${plan.losses.length === 0 ? "" : " but those above"}.`,
    `pulumi up --stack ${stackName}`,
    ...(plan.leftOver.length === 0 ? [] : ["Delete the left-over policies in the dashboard, as said above."]),
  ];
  print(`\n${colors.bold("Next")}\n${steps.map((step, index) => `  ${index + 1}. ${step}`).join("\n")}`);
}
