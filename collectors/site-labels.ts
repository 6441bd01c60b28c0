import type { CollectorSite } from "./collector";

/** All labels that a site's collector adds: the site label, then the site's own by name, so that their order in the file changes nothing. */
export function siteLabels({
  name,
  siteLabel,
  labels,
}: CollectorSite): readonly (readonly [string, string])[] {
  return [
    [siteLabel, name],
    ...Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0)),
  ];
}

/** A rule in Prometheus' relabelling, as Prometheus and Alloy both write it. */
export interface RelabelRule {
  readonly source_labels?: readonly string[];
  readonly regex?: string;
  readonly target_label: string;
  readonly replacement?: string;
}

/**
 * Rules for the end of the way, after external labels: the site label is the site's name, whatever a target exposes. Without
 * them a target's own label of that name wins, and its series count as another site's (Prometheus' queue_manager.go,
 * processExternalLabels).
 */
export function siteLabelRules({ siteLabel, name }: CollectorSite): {
  readonly comment: string;
  readonly rules: readonly [RelabelRule, RelabelRule, RelabelRule];
} {
  const exported = `exported_${siteLabel}`;
  return {
    comment: `A target's own label ${siteLabel} would win over the external one: it is kept as ${exported}.`,
    rules: [
      { source_labels: [exported, siteLabel], regex: ";(.+)", target_label: exported },
      { source_labels: [exported], regex: name, target_label: exported, replacement: "" },
      { target_label: siteLabel, replacement: name },
    ],
  };
}
