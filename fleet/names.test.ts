import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  addedLabelProblem,
  dnsLabelProblem,
  hostInZoneProblem,
  hostNameProblem,
  ownNamePrefix,
  labelNameProblem,
  proxyProblem,
} from "./names";

describe("dnsLabelProblem", () => {
  it("accepts letters, digits and inner hyphens", () => {
    for (const text of ["a", "7", "tokyo", "rack-7", "a--b", "a".repeat(63)]) {
      assert.equal(dnsLabelProblem(text), undefined, text);
    }
  });

  it("refuses upper case, other characters, outer hyphens and nothing", () => {
    for (const text of ["", "Tokyo", "rack_7", "-a", "a-", "a.b", "málaga", "a\n"]) {
      assert.equal(
        dnsLabelProblem(text),
        "is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed",
        text,
      );
    }
  });

  it("refuses more than 63 characters", () => {
    assert.equal(dnsLabelProblem("a".repeat(64)), "has 64 characters; 63 are allowed");
  });
});

describe("hostNameProblem", () => {
  const longest = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;

  it("accepts names of two labels and more, up to 253 characters", () => {
    for (const text of ["example.com", "prom.push.example.com", "xn--mlaga-zqa.es", longest]) {
      assert.equal(hostNameProblem(text), undefined, text);
    }
  });

  it("refuses single labels, empty labels, other characters and longer names", () => {
    for (const text of [
      "localhost",
      "a..com",
      "example.com.",
      ".com",
      "Example.com",
      "a b.com",
      `${longest}d`,
    ]) {
      assert.equal(
        hostNameProblem(text),
        "is not a host name in lower case. Write it as in prom.example.com, names in other scripts in punycode",
        text,
      );
    }
  });
});

describe("hostInZoneProblem", () => {
  it("accepts a host directly below the zone", () => {
    assert.equal(hostInZoneProblem("prom.example.com", "example.com"), undefined);
    assert.equal(hostInZoneProblem("prom.push.example.com", "push.example.com"), undefined);
  });

  it("refuses the zone itself", () => {
    assert.equal(
      hostInZoneProblem("example.com", "example.com"),
      "is the zone itself, and everything but the write paths is shut on a push host. Take a name below it, such as push.example.com",
    );
  });

  it("refuses a host outside the zone", () => {
    for (const host of ["prom.example.org", "promexample.com", "com"]) {
      assert.equal(
        hostInZoneProblem(host, "example.com"),
        "is not in the zone example.com. Take a name directly below it, or set sitepass:zone to the zone it is in",
        host,
      );
    }
  });

  it("refuses a host two levels below the zone", () => {
    assert.equal(
      hostInZoneProblem("prom.push.example.com", "example.com"),
      "is more than one level below the zone example.com, and Cloudflare's Universal SSL certificate covers one. Take a name such as prom-push.example.com",
    );
  });
});

describe("ownNamePrefix", () => {
  it("keeps stacks apart whose names begin alike", () => {
    assert.equal(ownNamePrefix("sitepass", "prod"), "sitepass/prod/");
    assert.equal(ownNamePrefix("sitepass", "prod-eu").startsWith(ownNamePrefix("sitepass", "prod")), false);
  });
});

describe("addedLabelProblem", () => {
  it("accepts what is the same for a whole site", () => {
    for (const name of [
      "provider",
      "region",
      "Job",
      "site_job",
      "exported",
      "constructor",
      "a".repeat(1024),
    ]) {
      assert.equal(addedLabelProblem(name), undefined, name);
    }
  });

  it("refuses the names that data bring, with another that does", () => {
    for (const name of [
      "job",
      "instance",
      "le",
      "quantile",
      "filename",
      "unit",
      "host",
      "hostname",
      "service_name",
    ]) {
      assert.match(
        addedLabelProblem(name) ?? "",
        new RegExp(`, so that it cannot be the same for a whole site\\. Rename it, such as to site_${name}$`),
      );
      assert.equal(addedLabelProblem(`site_${name}`), undefined);
    }
    assert.equal(
      addedLabelProblem("exported_provider"),
      "begins with exported_, under which collectors keep what the data bring. Rename it",
    );
  });

  it("refuses what is no label name, and a longer one than Loki takes", () => {
    assert.equal(addedLabelProblem("__x"), "begins with __, which Prometheus reserves. Rename it");
    assert.equal(
      addedLabelProblem("a".repeat(1025)),
      "has 1025 characters, and Loki takes 1024 in a label's name. Shorten it",
    );
  });
});

describe("proxyProblem", () => {
  it("accepts a host or an address with its port", () => {
    for (const address of [
      "http://proxy.example.net:3128",
      "http://10.0.0.7:80",
      "http://[2001:db8::1]:8080",
      "http://proxy:1",
    ]) {
      assert.equal(proxyProblem(address), undefined, address);
    }
  });

  it("refuses what collectors read differently", () => {
    for (const address of [
      "proxy.example.net:3128",
      "https://proxy.example.net:3128",
      "socks5://proxy.example.net:1080",
      "http://proxy.example.net",
      "http://proxy.example.net:3128/",
      "http://proxy.example.net:0",
      "http://proxy.example.net:70000",
      "http://[::x]:80",
      "http://a..b:80",
      "http://a b:80",
      "",
    ]) {
      assert.equal(
        proxyProblem(address),
        "is not the address of an HTTP proxy with its port. Write it as in http://proxy.example.net:3128",
        address,
      );
    }
  });

  it("refuses a password", () => {
    assert.equal(
      proxyProblem("http://user:secret@proxy.example.net:3128"),
      "holds a user or a password, and site files are read by everybody who sees the repository. Have the proxy let the site through by its address, and write it without",
    );
  });
});

describe("labelNameProblem", () => {
  it("accepts letters, digits and underscores", () => {
    for (const name of ["provider", "_private", "rack7", "Region", "a__b", "_"]) {
      assert.equal(labelNameProblem(name), undefined, name);
    }
  });

  it("refuses other characters, a leading digit and nothing", () => {
    for (const name of ["a-b", "a.b", "7rack", "größe", "a b", "a\n", ""]) {
      assert.equal(
        labelNameProblem(name),
        "is not a label name that Prometheus and Loki accept: letters, digits and underscores, no digit first. Rename it",
        name,
      );
    }
  });

  it("refuses names that begin with two underscores", () => {
    for (const name of ["__name__", "__"]) {
      assert.equal(labelNameProblem(name), "begins with __, which Prometheus reserves. Rename it", name);
    }
  });
});
