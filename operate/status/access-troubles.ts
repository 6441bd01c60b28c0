import type { SignalName } from "../../fleet/signals";
import type { AccountToken } from "../../cloudflare/service-tokens";
import type { Admission } from "./admission";
import type { SiteStatus } from "./site-status";
import type { Trouble } from "./trouble";

type Access = Pick<SiteStatus, "enabledInFile" | "enabledAtCloudflare" | "signals">;

/** Whether Cloudflare lets a declared site's token in exactly as its file says. */
export function accessTroubles(
  { enabledInFile, enabledAtCloudflare, signals }: Access,
  { id }: Pick<AccountToken, "id">,
  admissions: ReadonlyMap<SignalName, Admission>,
): readonly Trouble[] {
  const admitted = [...admissions].flatMap(([signal, admission]) =>
    admission.kind === "known" && admission.lets(id) ? [signal] : [],
  );
  const known = (signal: SignalName) => admissions.get(signal)?.kind === "known";
  if (enabledInFile === true) {
    const missing = signals.filter((signal) => known(signal) && !admitted.includes(signal));
    const extra = admitted.filter((signal) => !signals.includes(signal));
    return [
      ...(enabledAtCloudflare === false
        ? [alarm("disabled at Cloudflare", "its token is disabled at Cloudflare, and enabled in its file")]
        : []),
      ...(missing.length > 0
        ? [alarm("not let in", `no policy lets its token in for ${missing.join(" and ")}`)]
        : []),
      ...(extra.length > 0
        ? [
            warning(
              "lets in more",
              `a policy lets it push ${extra.join(" and ")}, which its file does not name`,
            ),
          ]
        : []),
    ];
  }
  if (enabledAtCloudflare === false) {
    return [];
  }
  return admitted.length > 0
    ? [alarm("still let in", `is shut out in its file, and can still push ${admitted.join(" and ")}`)]
    : enabledAtCloudflare === true
      ? [
          warning(
            "not disabled",
            "is shut out in its file, and its token is enabled at Cloudflare, in no policy",
          ),
        ]
      : [];
}

const alarm = (kind: Trouble["kind"], says: string): Trouble => ({ kind, level: "alarm", says });
const warning = (kind: Trouble["kind"], says: string): Trouble => ({ kind, level: "warning", says });
