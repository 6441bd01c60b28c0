import { yamlFile } from "../../collectors/common/config-text";
import type { CentralHost, CentralProgram, Places, SecretName } from "../central-host";
import { listenAddress } from "./addresses";

/** Names a secret's file where it is there. */
const secretFile = (
  { secrets }: CentralHost,
  { credentials }: Places,
  name: SecretName,
): string | undefined => (secrets.has(name) ? `${credentials}/${name}` : undefined);

function emails(central: CentralHost, places: Places) {
  const { mail, alertEmails } = central;
  const password = secretFile(central, places, "mail-password");
  return mail === undefined || (mail.user !== undefined && password === undefined)
    ? []
    : alertEmails.map((to) => ({
        to,
        from: mail.from,
        smarthost: mail.server,
        auth_username: mail.user,
        auth_password_file: mail.user === undefined ? undefined : password,
        send_resolved: true,
        html: "",
        text: "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }}\n{{ .Annotations.next }}\n\n{{ end }}",
      }));
}

const nobody = "nobody";

/** Who is told of what Prometheus finds. Needs Alertmanager 0.26 or later, which reads addresses from files. */
export const alertmanager: CentralProgram = {
  name: "alertmanager",
  title: "Alertmanager",
  isNeeded: () => true,
  files: (central, places) => {
    const heartbeat = secretFile(central, places, "heartbeat-url");
    const alertUrl = secretFile(central, places, "alert-url");
    const mails = emails(central, places);
    const people = alertUrl === undefined && mails.length === 0 ? nobody : "people";
    return [
      yamlFile(
        "alertmanager/alertmanager.yml",
        "Who is told of an alarm. Addresses that are secret lie in files of their own.",
        {
          route: {
            receiver: people,
            // One message for all the sites of one trouble.
            group_by: ["alertname"],
            group_wait: "30s",
            group_interval: "5m",
            repeat_interval: "4h",
            routes: [
              {
                matchers: ['alertname="SitepassWatchdog"'],
                receiver: heartbeat === undefined ? nobody : "heartbeat",
                group_wait: "0s",
                group_interval: "1m",
                repeat_interval: "1m",
              },
            ],
          },
          // Where the way is cut for everybody, that is told, and not that every site is silent.
          inhibit_rules: [
            { source_matchers: ['cuts_off="every site"'], target_matchers: ['about="one site"'] },
            {
              source_matchers: ['cuts_off="one signal"'],
              target_matchers: ['about="one site"'],
              equal: ["signal"],
            },
          ],
          receivers: [
            { name: nobody },
            ...(people === nobody
              ? []
              : [
                  {
                    name: people,
                    webhook_configs:
                      alertUrl === undefined ? undefined : [{ url_file: alertUrl, send_resolved: true }],
                    email_configs: mails.length === 0 ? undefined : mails,
                  },
                ]),
            ...(heartbeat === undefined
              ? []
              : [{ name: "heartbeat", webhook_configs: [{ url_file: heartbeat, send_resolved: false }] }]),
          ],
        },
      ),
    ];
  },
  command: (_central, places) => {
    const place = places.programs.alertmanager;
    return {
      program: "alertmanager",
      args: [
        `--config.file=${place.files}/alertmanager.yml`,
        `--storage.path=${place.data}`,
        `--web.listen-address=${listenAddress(place)}`,
        // It is alone: no port for others of its kind.
        "--cluster.listen-address=",
      ],
      environment: {},
    };
  },
  readyPath: "/-/ready",
};
