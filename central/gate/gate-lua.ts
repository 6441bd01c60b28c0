import type { SiteLimits } from "../central-host";
import { refusals } from "./refusals";

/**
 * What the gate does in Lua (5.3 and HAProxy's API of 2.6): the answer to what it refuses, and its page by site.
 *
 * A refusal reads the body to its end first. HAProxy's own `return` answers at once and closes the connection; a sender that is still
 * writing, as cloudflared is, then often sees a broken pipe in place of the answer, and says 502.
 *
 * The page goes through the stick tables (StickTable.dump leaves out arrays of counters, so each is one of gpc0, gpc1 or a rate). Their
 * keys: `<signal> <site>` of pushes that were let in, `<signal> <reason> <site>` of those that were not, where the site is `-` while it
 * is not known.
 */
export const gateLua = (
  limits: SiteLimits,
): string => `-- What the gate does beside haproxy.cfg: answers what it refuses, and shows its counters by site.

local refusals = {
${Object.entries(refusals)
  .map(([reason, { status, says }]) => `  ["${reason}"] = { status = ${status}, says = "${says}" },`)
  .join("\n")}
}

-- Seconds.
local retry_after = { [429] = "5", [503] = "10" }

core.register_service("refuse", "http", function(applet)
  local reason = applet:get_var("txn.reason")
  local refusal = refusals[reason] or { status = 503, says = reason }
  repeat local chunk = applet:receive(65536) until chunk == nil or #chunk == 0
  local body = "Refused by the gate (" .. reason .. "): " .. refusal.says .. ".\\n"
  applet:set_status(refusal.status)
  applet:add_header("content-type", "text/plain; charset=utf-8")
  applet:add_header("content-length", #body)
  applet:add_header("x-sitepass-gate", reason)
  if retry_after[refusal.status] then applet:add_header("retry-after", retry_after[refusal.status]) end
  if refusal.status == 405 then applet:add_header("allow", "POST") end
  applet:start_response()
  applet:send(body)
end)

local function rows(name)
  local backend = core.backends[name]
  local sorted = {}
  for key, row in pairs(backend.stktable:dump()) do
    sorted[#sorted + 1] = { key = key, row = row }
  end
  table.sort(sorted, function(one, other) return one.key < other.key end)
  return sorted
end

local function family(out, name, kind, help, samples)
  out[#out + 1] = "# HELP " .. name .. " " .. help
  out[#out + 1] = "# TYPE " .. name .. " " .. kind
  for _, sample in ipairs(samples) do
    local form = math.type(sample[2]) == "integer" and "%s%s %d" or "%s%s %.1f"
    out[#out + 1] = string.format(form, name, sample[1], sample[2])
  end
end

core.register_service("sites", "http", function(applet)
  local pushes = { requests = {}, bytes = {}, delivered = {}, rejected = {} }
  for _, entry in ipairs(rows("gate_pushes")) do
    local signal, site = entry.key:match("^(%S+) (%S+)$")
    if signal then
      local labels = string.format('{site="%s",signal="%s"}', site, signal)
      local function add(list, value) list[#list + 1] = { labels, value or 0 } end
      add(pushes.requests, entry.row.http_req_cnt)
      add(pushes.bytes, entry.row.bytes_in_cnt)
      add(pushes.delivered, entry.row.gpc0)
      add(pushes.rejected, entry.row.gpc1)
    end
  end
  local refused = {}
  for _, entry in ipairs(rows("gate_refusals")) do
    local signal, reason, site = entry.key:match("^(%S+) (%S+) (%S+)$")
    if signal then
      if site == "-" then site = "" end
      refused[#refused + 1] = {
        string.format('{site="%s",signal="%s",reason="%s"}', site, signal, reason),
        entry.row.http_req_cnt or 0,
      }
    end
  end
  local now = { flight = {}, requests = {}, bytes = {} }
  for _, entry in ipairs(rows("gate_sites")) do
    local labels = string.format('{site="%s"}', entry.key)
    now.flight[#now.flight + 1] = { labels, entry.row.conn_cur or 0 }
    now.requests[#now.requests + 1] = { labels, (entry.row.http_req_rate or 0) / 10 }
    now.bytes[#now.bytes + 1] = { labels, (entry.row.bytes_in_rate or 0) / 10 }
  end
  local out = {}
  family(out, "sitepass_gate_requests_total", "counter", "Pushes that were let in.", pushes.requests)
  family(out, "sitepass_gate_received_bytes_total", "counter", "Bytes of pushes that were let in.", pushes.bytes)
  family(out, "sitepass_gate_delivered_total", "counter", "Pushes that the store took.", pushes.delivered)
  family(out, "sitepass_gate_rejected_total", "counter", "Pushes that the store answered with 4xx: what they held is lost.", pushes.rejected)
  family(out, "sitepass_gate_refused_total", "counter", "Pushes that were not let in, by reason.", refused)
  family(out, "sitepass_gate_in_flight", "gauge", "Pushes of the site that are under way.", now.flight)
  family(out, "sitepass_gate_site_requests_per_second", "gauge", "Pushes of the last ten seconds, a second.", now.requests)
  family(out, "sitepass_gate_site_bytes_per_second", "gauge", "Bytes of the last ten seconds, a second.", now.bytes)
  family(out, "sitepass_gate_limit_requests_per_second", "gauge", "What one site may push.", { { "", ${limits.requestsPerSecond} } })
  family(out, "sitepass_gate_limit_bytes_per_second", "gauge", "What one site may push.", { { "", ${limits.bytesPerSecond} } })
  local body = table.concat(out, "\\n") .. "\\n"
  applet:set_status(200)
  applet:add_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
  applet:add_header("content-length", #body)
  applet:start_response()
  applet:send(body)
end)
`;
