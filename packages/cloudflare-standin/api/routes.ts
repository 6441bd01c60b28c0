import { accessApplicationRoutes } from "./access-applications";
import { accessPolicyRoutes } from "./access-policies";
import { botManagementRoutes } from "./bot-management";
import { dnsRecordRoutes } from "./dns-records";
import { notificationPolicyRoutes } from "./notification-policies";
import { organizationRoutes } from "./organization";
import type { Route } from "./route";
import { serviceTokenActionRoutes } from "./service-token-actions";
import { serviceTokenRoutes } from "./service-tokens";
import { tokenVerificationRoutes } from "./token-verification";
import { tunnelAccessRoutes } from "./tunnel-access";
import { tunnelConfigurationRoutes } from "./tunnel-configurations";
import { tunnelRoutes } from "./tunnels";
import { zoneRoutes } from "./zones";

/** Every route that is imitated. Anything else answers 501. */
export const routes: readonly Route[] = [
  ...accessApplicationRoutes,
  ...accessPolicyRoutes,
  ...botManagementRoutes,
  ...dnsRecordRoutes,
  ...notificationPolicyRoutes,
  ...organizationRoutes,
  ...serviceTokenActionRoutes,
  ...serviceTokenRoutes,
  ...tokenVerificationRoutes,
  ...tunnelAccessRoutes,
  ...tunnelConfigurationRoutes,
  ...tunnelRoutes,
  ...zoneRoutes,
];
