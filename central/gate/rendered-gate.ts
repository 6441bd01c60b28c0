import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listOf } from "../../collectors/common/refusals-and-notes";
import { throwIfAny, type Problem } from "../../fleet/problem";
import { kindOf } from "../../handover/disk";
import { centralFolder, renderedFor } from "../../handover/rendered-folder";
import { stackFlags, stackTitle } from "../several-stacks";

/**
 * Makes sure that a folder is one that this stack's gate runs from, before its map or keys are replaced: with those of another stack the
 * gate would know none of its sites.
 *
 * @throws UserError when no gate was rendered there, nor installed from what was, or when it is another stack's.
 */
export function throwUnlessRendered(folder: string, stackName: string): void {
  const holder = renderedFor(folder, centralFolder) ?? installedFor(folder);
  throwIfAny(
    listOf<Problem>(
      kindOf(join(folder, "gate/haproxy.cfg")) !== "file" && {
        subject: folder,
        says: "holds no gate",
        todo: "Run `npx sitepass central` first, with sitepass:identity label or tenant, or name its folder with --out",
      },
      holder !== undefined &&
        holder !== stackName && {
          subject: folder,
          says: `holds the gate of ${stackTitle(holder)}, and this is ${stackTitle(stackName)}`,
          todo: `Run it with \`${stackFlags(holder).join(" ")}\`, or name another folder with --out`,
        },
    ),
  );
}

/** Whose host install.sh has put there: the first line of its record says. */
function installedFor(folder: string): string | undefined {
  const record = join(folder, ".installed");
  return kindOf(record) === "file" ? /^stack (\S+)$/m.exec(readFileSync(record, "utf8"))?.[1] : undefined;
}
