import { z } from "zod";

const setting = z.string().exactOptional();
const flag = z.boolean().exactOptional();

/** The fields of a Zero Trust organization that are imitated, by the SDK's types (cloudflare 7.3.0 resources/zero-trust/organizations/organizations.d.ts). */
export const organizationFields = z.strictObject({
  name: setting,
  auth_domain: setting,
  allow_authenticate_via_warp: flag,
  auto_redirect_to_identity: flag,
  deny_unmatched_requests: flag,
  deny_unmatched_requests_exempted_zone_names: z.array(z.string()).exactOptional(),
  is_ui_read_only: flag,
  mfa_required_for_all_apps: flag,
  service_token_inactivity: z
    .strictObject({
      action: z.enum(["disable", "delete"]),
      enabled: z.boolean(),
      inactivity_threshold_days: z.int().min(30).max(365),
    })
    .exactOptional(),
  session_duration: setting,
  strict_service_token_auth: flag,
  ui_read_only_toggle_reason: setting,
  user_seat_expiration_inactive_time: setting,
  warp_auth_non_browser_401: flag,
  warp_auth_session_duration: setting,
});

/** An organization has a name, an auth domain (`<team>.cloudflareaccess.com`), and says whether strict mode is on. */
export const organizationRow = organizationFields.required({
  name: true,
  auth_domain: true,
  strict_service_token_auth: true,
});
export type Organization = z.infer<typeof organizationRow>;
