import { listIn, notYetKnown, textIn, valueIn } from "../properties";
import { ingressRulesOf, leadsNowhere, type IngressRule } from "../pushes";
import type { Rule } from "../rule";

/** cloudflared checks Access' assertion once more, rule by rule. */
export const checkedIngress: Rule = {
  name: "push-ingress-checked",
  description:
    "Every ingress rule of a push host, or to the same service, has its own originRequest.access; those that answer with a status need none.",
  early: true,
  violations: ({ resources, pushes }) =>
    resources
      .filter((resource) => pushes.isPushIngress(resource))
      .flatMap((ingress) => {
        const rules = ingressRulesOf(ingress).filter((rule) => !leadsNowhere(rule));
        const stores = new Set(
          rules
            .filter((rule) => pushes.servesPushHost(rule))
            .flatMap(({ service }) => serviceOf(service) ?? []),
        );
        const leadsToStore = ({ service }: IngressRule) => stores.has(serviceOf(service) ?? "");
        return rules
          .filter((rule) => pushes.servesPushHost(rule) || leadsToStore(rule))
          .flatMap((rule) => {
            const missing = missingFrom(rule);
            return missing === undefined
              ? []
              : {
                  resource: ingress,
                  says: `${rule.title} to ${rule.service} ${missing}: should its application be deleted or loosened, everybody could write to the store`,
                  todo: "Give the rule itself originRequest: { access: { required: true, teamName, audTags: [the application's aud] } }",
                };
          });
      }),
};

/** A service by one of its spellings; undefined where it is not known yet, and so may be any. */
function serviceOf(service: string): string | undefined {
  if (service === "" || !URL.canParse(service)) {
    return service === "" ? undefined : service;
  }
  const { protocol, hostname, port, pathname } = new URL(service);
  const host = /^(?:localhost|127(?:\.\d+){3}|\[::1\]|0\.0\.0\.0)$/.test(hostname) ? "localhost" : hostname;
  return `${protocol}//${host}:${port}${pathname.replace(/\/$/, "")}`;
}

function missingFrom({ originRequest }: IngressRule): string | undefined {
  const access = valueIn(originRequest, "access");
  if (originRequest === notYetKnown || access === notYetKnown) {
    return undefined;
  }
  if (access === undefined) {
    return "has no originRequest.access of its own, and cloudflared ignores the one at the top level";
  }
  const required = valueIn(access, "required");
  if (required !== true && required !== notYetKnown) {
    return `has originRequest.access with required ${required === undefined ? "missing" : JSON.stringify(required)}`;
  }
  if (valueIn(access, "teamName") !== notYetKnown && (textIn(access, "teamName") ?? "") === "") {
    return "has originRequest.access without a teamName";
  }
  return valueIn(access, "audTags") === notYetKnown || listIn(access, "audTags").length > 0
    ? undefined
    : "has originRequest.access without audTags, and would take the assertion of any application";
}
