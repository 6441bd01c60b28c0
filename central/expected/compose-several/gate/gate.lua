-- What the gate does beside haproxy.cfg: answers what it refuses, and shows its counters by site.

local refusals = {
  ["no-assertion"] = { status = 401, says = "it has no assertion, so it did not come by way of Access" },
  ["two-assertions"] = { status = 401, says = "it has more than one assertion" },
  ["malformed"] = { status = 401, says = "its assertion is not a JWT" },
  ["algorithm"] = { status = 401, says = "its assertion is not signed with RS256" },
  ["signature"] = { status = 401, says = "its assertion is not signed with the key that it names" },
  ["claims"] = { status = 401, says = "its assertion has no expiry, or is of no service token" },
  ["method"] = { status = 405, says = "a push is a POST" },
  ["too-large"] = { status = 413, says = "it is longer than the stores take" },
  ["requests"] = { status = 429, says = "this site sends more requests a second than its limit" },
  ["bytes"] = { status = 429, says = "this site sends more bytes a second than its limit" },
  ["connections"] = { status = 429, says = "this site has too many pushes under way" },
  ["unknown-key"] = { status = 503, says = "its assertion names a key that was not fetched yet; run sitepass central keys" },
  ["issuer"] = { status = 503, says = "its assertion is of another team; compare the team name" },
  ["expired"] = { status = 503, says = "its assertion has expired; compare the clock of the central host" },
  ["not-yet-valid"] = { status = 503, says = "its assertion is not valid yet; compare the clock of the central host" },
  ["audience"] = { status = 503, says = "its assertion is for another application; run sitepass central, and reload the gate" },
  ["unknown-client"] = { status = 503, says = "its service token is not in the map of sites; run sitepass central map" },
  ["shut-out"] = { status = 503, says = "this site is shut out; if it no longer is, run sitepass central map" },
  ["other-signal"] = { status = 503, says = "this site does not push this signal; if it now does, run sitepass central map" },
  ["path"] = { status = 503, says = "this path is not configured here; run sitepass central, and reload the gate" },
  ["remote-write-2"] = { status = 503, says = "vmagent does not read remote write 2.0; let the collector send 1.0" },
}

-- Seconds.
local retry_after = { [429] = "5", [503] = "10" }

core.register_service("refuse", "http", function(applet)
  local reason = applet:get_var("txn.reason")
  local refusal = refusals[reason] or { status = 503, says = reason }
  repeat local chunk = applet:receive(65536) until chunk == nil or #chunk == 0
  local body = "Refused by the gate (" .. reason .. "): " .. refusal.says .. ".\n"
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
  family(out, "sitepass_gate_limit_requests_per_second", "gauge", "What one site may push.", { { "", 50 } })
  family(out, "sitepass_gate_limit_bytes_per_second", "gauge", "What one site may push.", { { "", 4000000 } })
  local body = table.concat(out, "\n") .. "\n"
  applet:set_status(200)
  applet:add_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
  applet:add_header("content-length", #body)
  applet:start_response()
  applet:send(body)
end)
