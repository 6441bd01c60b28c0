import { Document } from "yaml";
import type { SignalName } from "../../fleet/signals";

/** What the file of an adopted site has to say; everything else is left to its defaults. */
export interface NewSite {
  /** The token's name, for people to find it again. */
  readonly description: string | undefined;
  /** Undefined: every signal that has an endpoint. */
  readonly signals: readonly SignalName[] | undefined;
  /** A Go duration or `forever`; undefined: the stack's own. */
  readonly duration: string | undefined;
  readonly enabled: boolean;
  /** Until when the secret of today works beside the one that the next `up` makes; undefined: no new one is made. */
  readonly previousSecretExpiresAt: string | undefined;
}

const longestDescription = 200;

/** The text of a new site file. */
export function siteFileText(site: NewSite): string {
  const { description, signals, duration, enabled, previousSecretExpiresAt } = site;
  const token = {
    ...(duration === undefined ? {} : { duration }),
    ...(enabled ? {} : { enabled }),
    ...(previousSecretExpiresAt === undefined ? {} : { secretVersion: 2, previousSecretExpiresAt }),
  };
  const document = new Document({
    ...(description === undefined ? {} : { description: shortened(description) }),
  });
  if (signals !== undefined) {
    document.set("signals", document.createNode(signals, { flow: true }));
  }
  if (Object.keys(token).length > 0) {
    document.set("token", token);
  }
  const isEmpty = description === undefined && signals === undefined && Object.keys(token).length === 0;
  const schema = "# yaml-language-server: $schema=../site.schema.json\n";
  return isEmpty ? schema : schema + document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** Never ends with half a character. */
const shortened = (text: string): string => text.slice(0, longestDescription).replace(/[\uD800-\uDBFF]$/, "");
