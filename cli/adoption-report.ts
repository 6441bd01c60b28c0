import pc from "picocolors";
import type { AdoptionPlan } from "../operate/adopt/plan-adoption";
import { resourceTypes } from "../operate/adopt/declared";
import type { Adoption } from "../operate/adopt/part";
import { plural } from "../fleet/wording";
import type { AdoptedFile, AdoptOptions } from "./adopt";
import { textTable } from "./text-table";

interface ReportOptions extends Pick<AdoptOptions, "dryRun" | "rotate"> {
  readonly stackName: string;
  /** Refusals follow, on the other stream; nothing was written. */
  readonly refused: boolean;
}

/** What `--json` prints. */
export function adoptionDocument(
  plan: AdoptionPlan,
  files: readonly AdoptedFile[],
  refusals: readonly string[],
  dryRun: boolean,
): object {
  return {
    dryRun,
    refusals,
    files,
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
    losses: plan.losses,
    notes: plan.notes,
    leftOver: plan.leftOver,
    preflightWouldRefuse: plan.preflightWouldRefuse,
  };
}

/** What was found and done, for people; ends with what to do next. */
export function showAdoption(
  plan: AdoptionPlan,
  files: readonly AdoptedFile[],
  options: ReportOptions,
): void {
  const fresh = plan.sites.filter(({ known }) => !known);
  const known = plan.sites.length - fresh.length;
  if (fresh.length > 0) {
    console.log(
      textTable(
        ["site", "service token", "pushes", "file"],
        fresh.map(({ site, token, newFile }) => [
          site.name,
          token.name,
          site.signals.join(", "),
          newFile === undefined ? `${site.file} (there already)` : newFile.file,
        ]),
      ),
    );
    console.log("");
  }
  showObjects(plan.adoptions);
  for (const note of plan.notes) {
    console.log(`${pc.bold("Note")} ${note}`);
  }
  for (const { says } of plan.leftOver) {
    console.log(`${pc.yellow("Left over")} ${says}`);
  }
  if (options.refused) {
    return;
  }
  for (const loss of plan.losses) {
    console.log(`${pc.yellow("Accepted loss")} ${loss}`);
  }
  if (known > 0) {
    console.log(`${plural(known, "site")} ${known === 1 ? "is" : "are"} adopted already.`);
  }
  if (plan.adoptions.length === 0) {
    console.log("Everything is adopted: there is nothing to import.");
    return;
  }
  showFiles(files, options.dryRun);
  showSecrets(plan, options);
  showNextSteps(plan, files, options);
}

/** Tokens are in the table of sites already, and there may be hundreds; all of them change in the same way. */
function showObjects(adoptions: readonly Adoption[]): void {
  const tokens = adoptions.filter(({ becomes }) => becomes.type === resourceTypes.token);
  const others = adoptions.filter(({ becomes }) => becomes.type !== resourceTypes.token);
  const properties = (some: readonly Adoption[]): string => {
    const names = new Set(some.flatMap(({ changes }) => changes.map(({ property }) => property)));
    return names.size === 0 ? "nothing" : [...names].join(", ");
  };
  if (adoptions.length === 0) {
    return;
  }
  console.log(
    textTable(
      ["object", "becomes", "up changes"],
      [
        ...(tokens.length === 0
          ? []
          : [[plural(tokens.length, "service token"), "one a site", properties(tokens)]]),
        ...others.map((one) => [
          one.object,
          `${one.becomes.type.slice(one.becomes.type.lastIndexOf(":") + 1)} ${one.becomes.name}`,
          properties([one]),
        ]),
      ],
    ),
  );
  console.log("");
}

function showFiles(files: readonly AdoptedFile[], dryRun: boolean): void {
  const written = files.filter(({ outcome }) => outcome === "written");
  const taken = files.filter(({ outcome }) => outcome === "taken");
  const verb = dryRun ? "would be written" : written.length === 1 ? "was written" : "were written";
  console.log(
    `${plural(written.length, "file")} ${verb}${written.length === files.length ? "" : `, ${files.length - written.length} ${files.length - written.length === 1 ? "was" : "were"} there already`}.`,
  );
  for (const { file } of taken) {
    console.error(
      `${pc.red("error:")} ${file}: came into being meanwhile and was left alone. Look at it, and run this again.`,
    );
  }
}

/** An import never brings a secret: Cloudflare shows one when it is made, and never again. */
function showSecrets(plan: AdoptionPlan, { rotate }: ReportOptions): void {
  const fresh = plan.sites.filter(({ known }) => !known);
  const rotating = fresh.filter(({ site }) => site.token.previousSecretExpiresAt !== undefined);
  const unknown = fresh.length - rotating.length;
  const [first] = rotating;
  if (first?.site.token.previousSecretExpiresAt !== undefined) {
    console.log(
      `The first \`up\` makes new secrets for ${plural(rotating.length, "site")}; those of today work until ${first.site.token.previousSecretExpiresAt}. Run it soon, and bring the new ones to the sites before.`,
    );
  }
  if (unknown > 0) {
    console.log(
      `The ${unknown === 1 ? "secret" : "secrets"} of ${plural(unknown, "site")} cannot be read back. ${unknown === 1 ? "It works" : "They work"} on at the sites, but this project cannot hand ${unknown === 1 ? "it" : "them"} out or test ${unknown === 1 ? "it" : "them"}. For new ones ${rotate === undefined ? "take --rotate now, or " : ""}run \`sitepass rotate\` after the first \`up\`.`,
    );
  }
}

function showNextSteps(
  plan: AdoptionPlan,
  files: readonly AdoptedFile[],
  { stackName, dryRun }: ReportOptions,
): void {
  if (dryRun) {
    return;
  }
  const document = files.at(-1)?.file ?? "";
  const steps = [
    `pulumi import --stack ${stackName} --file ${document} --generate-code=false: takes all this into the state, protected, and changes nothing in Cloudflare.`,
    ...(plan.preflightWouldRefuse
      ? [
          "Set sitepass:preflight to false for the first up: it counts tokens by name, and would take these for other ones.",
        ]
      : []),
    `pulumi preview --stack ${stackName}: updates of what was imported, and what this fleet lacks; no deletion and no replacement${plan.losses.length === 0 ? "" : " but those above"}.`,
    `pulumi up --stack ${stackName}`,
    ...(plan.leftOver.length === 0 ? [] : ["Delete the left-over policies in the dashboard, as said above."]),
  ];
  console.log(`\n${pc.bold("Next")}\n${steps.map((step, index) => `  ${index + 1}. ${step}`).join("\n")}`);
}
