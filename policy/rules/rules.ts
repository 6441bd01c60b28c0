import type { Rule } from "../rule";
import { answer401 } from "./answer-401";
import { checkedIngress } from "./checked-ingress";
import { coveredHosts } from "./covered-hosts";
import { lastIngressRule } from "./last-ingress-rule";
import { onlyServiceAuth } from "./only-service-auth";
import { onlyNamedTokens } from "./only-named-tokens";
import { proxiedRecords } from "./proxied-records";
import { tokenDuration } from "./token-duration";
import { tokensForPushesAlone } from "./tokens-for-pushes-alone";

/** Every rule of the pack. */
export const rules: readonly Rule[] = [
  onlyServiceAuth,
  onlyNamedTokens,
  answer401,
  coveredHosts,
  proxiedRecords,
  checkedIngress,
  lastIngressRule,
  tokenDuration,
  tokensForPushesAlone,
];
