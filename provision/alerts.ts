import { NotificationPolicy } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";

export interface AlertsArgs {
  readonly accountId: string;
  /** At least one. */
  readonly emails: readonly string[];
  /** The tunnel to watch; none when the hosts are published by address. */
  readonly tunnelId: pulumi.Output<string> | undefined;
  readonly ownPrefix: string;
}

/**
 * What Cloudflare may fill in where nothing is declared. The provider plans nothing there, and would take that for a change after
 * each refresh (docs/facts/provider.md, P64).
 */
const filledIn = ["alertInterval"];

/**
 * Cloudflare's own e-mails about what cuts sites off: a token that expires within a week, and a tunnel whose health
 * changes. The first covers every token of the account: Cloudflare has no filter for it.
 */
export class Alerts extends pulumi.ComponentResource {
  constructor(name: string, args: AlertsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("sitepass:provision:Alerts", name, {}, opts);
    const shared = {
      accountId: args.accountId,
      enabled: true,
      mechanisms: { emails: args.emails.map((id) => ({ id })) },
    };
    new NotificationPolicy(
      `${name}-expiring-tokens`,
      {
        ...shared,
        name: `${args.ownPrefix}expiring service tokens`,
        description: "A service token expires within a week; the site that uses it will be refused.",
        alertType: "expiring_service_token_alert",
      },
      { parent: this, ignoreChanges: [...filledIn, "filters"] },
    );
    if (args.tunnelId !== undefined) {
      new NotificationPolicy(
        `${name}-tunnel-health`,
        {
          ...shared,
          name: `${args.ownPrefix}tunnel health`,
          description:
            "The tunnel to the central host changed its health; while it is down, sites keep their data and retry.",
          alertType: "tunnel_health_event",
          filters: { tunnelIds: [args.tunnelId] },
        },
        { parent: this, ignoreChanges: filledIn },
      );
    }
    this.registerOutputs({});
  }
}
