import type { RenderedFile } from "../../collectors/collector";
import { centralReadme } from "./readme";
import { programFiles, type PackagedHost, type PackagingName } from "./packaging";
import { packagings } from "./packagings";
import { gateUser, installScript } from "./systemd";
import { timerUnits } from "./timers";

/** Everything in a central host's folder but its secrets. The same host gives the same bytes. */
export function folderFiles(host: PackagedHost, name: PackagingName): readonly RenderedFile[] {
  const packaging = packagings[name];
  const files = [
    ...packaging.render(host),
    ...timerUnits(host, packaging, name === "systemd" ? gateUser : `${host.owner.uid}`),
    ...programFiles(host, packaging),
  ];
  return [
    ...files,
    ...(name === "systemd" ? [installScript(host, files)] : []),
    centralReadme(host, name, packaging),
  ];
}
