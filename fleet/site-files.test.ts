import { orThrow } from "./problem";
import { problemTexts } from "./testing/problem-texts";
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseSite, readSiteFiles } from "./site-files";

const root = mkdtempSync(join(tmpdir(), "sitepass-site-files-"));
after(() => {
  rmSync(root, { recursive: true });
});

/** A new folder with these files in it. */
function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(root, "sites-"));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const problemsOf = (files: Readonly<Record<string, string | Uint8Array>>) =>
  problemTexts(readSiteFiles(folderWith(files)));

const problemsIn = (text: string | Uint8Array) => problemsOf({ "tokyo.yaml": text });

/** What one good file holds, with the defaults filled in. */
function valuesIn(text: string, entry = "tokyo.yaml"): unknown {
  const sites = orThrow(readSiteFiles(folderWith({ [entry]: text })));
  assert.equal(sites.length, 1);
  return sites[0]?.values;
}

const defaults = { labels: {}, token: { enabled: true, secretVersion: 1 } };

describe("readSiteFiles, on a folder", () => {
  it("names a site after its file, whatever the extension", () => {
    assert.deepEqual(readSiteFiles(folderWith({ "a.yaml": "", "b.yml": "" })), {
      ok: true,
      value: [
        { name: "a", file: "sites/a.yaml", values: defaults },
        { name: "b", file: "sites/b.yml", values: defaults },
      ],
    });
  });

  it("orders sites by the code units of their files' names", () => {
    const folder = folderWith({
      "b.yaml": "",
      "a1.yaml": "",
      "a.yaml": "",
      "9.yaml": "",
      "a-b.yaml": "",
      "10.yaml": "",
    });
    assert.deepEqual(
      orThrow(readSiteFiles(folder)).map(({ name }) => name),
      ["10", "9", "a-b", "a", "a1", "b"],
    );
  });

  it("passes over files whose names begin with a dot", () => {
    assert.deepEqual(readSiteFiles(folderWith({ ".gitkeep": "", ".tokyo.yaml.swp": "\0", ".yaml": "[" })), {
      ok: true,
      value: [],
    });
  });

  it("refuses a folder that is not there", () => {
    assert.deepEqual(problemTexts(readSiteFiles(join(root, "nowhere"))), [
      "sites/: cannot be read (no such file or directory). Make the folder and put a file into it for each site.",
    ]);
  });

  it("shows the folder by the name it is given", () => {
    assert.deepEqual(problemTexts(readSiteFiles(folderWith({ "tokyo.yaml": "42" }), "fleet")), [
      "fleet/tokyo.yaml: holds only 42, not keys and values. Write it as in signals: [metrics].",
    ]);
  });

  it("reports every bad file at once, in the order of their names", () => {
    assert.deepEqual(
      problemsOf({
        "d.md": "",
        "b.yaml": "signal: [metrics]",
        "good.yaml": "",
        "a.yaml": "description: 5\nsignals: []\n",
        "C.yaml": "",
      }),
      [
        'sites/C.yaml: the name "C" is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Rename the file.',
        "sites/a.yaml: description is 5, not text. Put it in quotes.",
        "sites/a.yaml: signals is [], which is empty. Name a signal, or drop the key for all of them; to shut the site out, set token.enabled to false.",
        "sites/b.yaml: signal is not a known key. Did you mean signals? Known keys here: $schema, collector, description, labels, movingTo, proxy, relay, shard, signals, token.",
        "sites/d.md: is not a .yaml or .yml file. Only site files live here: rename it, or move it elsewhere.",
      ],
    );
  });

  it(
    "refuses two files whose names differ only in case",
    { skip: existsSync(root.toUpperCase()) && "the file system ignores case" },
    () => {
      assert.deepEqual(problemsOf({ "tokyo.yaml": "", "Tokyo.yaml": "" }), [
        "sites/: Tokyo.yaml and tokyo.yaml are the same site. Keep one of them.",
        'sites/Tokyo.yaml: the name "Tokyo" is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Rename the file.',
      ]);
    },
  );

  it("refuses two files whose names differ only in the extension", () => {
    assert.deepEqual(problemsOf({ "tokyo.yaml": "", "tokyo.yml": "{}", "oslo.yml": "" }), [
      "sites/: tokyo.yaml and tokyo.yml are the same site. Keep one of them.",
    ]);
  });

  it("says of a JSON file how to rename it", () => {
    assert.deepEqual(problemsOf({ "tokyo.json": "{}" }), [
      "sites/tokyo.json: is a .json file, and site files are YAML. Rename it to tokyo.yaml: JSON is YAML too.",
    ]);
  });

  it("refuses names that are no lower-case DNS label", () => {
    const says =
      "is not a lower-case DNS label: a to z, 0 to 9 and inner hyphens are allowed. Rename the file.";
    assert.deepEqual(
      problemsOf({
        "-tokyo.yaml": "",
        "Oslo.yaml": "",
        "berlin-.yaml": "",
        "eu.porto.yaml": "",
        "lima_2.yaml": "",
      }),
      [
        `sites/-tokyo.yaml: the name "-tokyo" ${says}`,
        `sites/Oslo.yaml: the name "Oslo" ${says}`,
        `sites/berlin-.yaml: the name "berlin-" ${says}`,
        `sites/eu.porto.yaml: the name "eu.porto" ${says}`,
        `sites/lima_2.yaml: the name "lima_2" ${says}`,
      ],
    );
  });

  it("accepts a name of 63 characters and refuses one of 64", () => {
    const longest = "a".repeat(63);
    const tooLong = "b".repeat(64);
    assert.deepEqual(problemsOf({ [`${longest}.yaml`]: "", [`${tooLong}.yaml`]: "" }), [
      `sites/${tooLong}.yaml: the name "${tooLong}" has 64 characters; 63 are allowed. Rename the file.`,
    ]);
  });

  it("refuses files of other kinds, an extension in upper case included", () => {
    const says = "is not a .yaml or .yml file. Only site files live here: rename it, or move it elsewhere.";
    assert.deepEqual(problemsOf({ "README.md": "# Sites", tokyo: "", "oslo.YAML": "", "lima.yaml~": "" }), [
      `sites/README.md: ${says}`,
      `sites/lima.yaml~: ${says}`,
      `sites/oslo.YAML: ${says}`,
      `sites/tokyo: ${says}`,
    ]);
  });

  it("refuses a folder among the site files, whatever its name", () => {
    const folder = folderWith({});
    mkdirSync(join(folder, "asia"));
    mkdirSync(join(folder, "europe.yaml"));
    assert.deepEqual(problemTexts(readSiteFiles(folder)), [
      "sites/asia: is a folder. Only site files live here: one .yaml or .yml file for each site.",
      "sites/europe.yaml: is a folder. Only site files live here: one .yaml or .yml file for each site.",
    ]);
  });

  it("reports a link that leads nowhere", () => {
    const folder = folderWith({});
    symlinkSync(join(folder, "nowhere"), join(folder, "tokyo.yaml"));
    assert.deepEqual(problemTexts(readSiteFiles(folder)), [
      "sites/tokyo.yaml: cannot be read (no such file or directory). Fix it, or take it away.",
    ]);
  });

  it(
    "reports a file that it may not read",
    { skip: process.getuid?.() === 0 && "root may read every file" },
    () => {
      const folder = folderWith({});
      writeFileSync(join(folder, "tokyo.yaml"), "", { mode: 0o000 });
      assert.deepEqual(problemTexts(readSiteFiles(folder)), [
        "sites/tokyo.yaml: cannot be read (permission denied). Fix it, or take it away.",
      ]);
    },
  );

  it("reads 64 KiB and refuses a file above it unread", () => {
    assert.deepEqual(
      problemsOf({
        "a.yaml": "#".repeat(65_536),
        "b.yaml": "#".repeat(65_537),
        "c.yaml": "[".repeat(10 * 1024 * 1024),
      }),
      [
        "sites/b.yaml: has 65537 bytes; a site file has at most 65536. Check whether it is the right file.",
        "sites/c.yaml: has 10485760 bytes; a site file has at most 65536. Check whether it is the right file.",
      ],
    );
  });

  it("refuses text that is not UTF-8", () => {
    assert.deepEqual(problemsIn(Buffer.from("description: Málaga", "latin1")), [
      "sites/tokyo.yaml: is not UTF-8 text. Save it as UTF-8.",
    ]);
  });
});

describe("readSiteFiles, on a file's syntax", () => {
  it("takes an empty file, or one of comments alone, for a site with every default", () => {
    assert.deepEqual(valuesIn(""), defaults);
    assert.deepEqual(valuesIn("# Tokyo\n\n# rack A\n"), defaults);
  });

  it("reads every key", () => {
    assert.deepEqual(
      valuesIn(
        [
          "description: Tokyo, rack A",
          "signals: [logs, metrics]",
          "labels: { region: apac }",
          "token:",
          "  duration: 24h",
          "  enabled: false",
          "  secretVersion: 2",
          "  previousSecretExpiresAt: 2026-12-01T00:00:00Z",
          "collector: alloy",
          "relay: nginx",
        ].join("\n"),
      ),
      {
        description: "Tokyo, rack A",
        signals: ["logs", "metrics"],
        labels: { region: "apac" },
        token: {
          duration: "24h",
          enabled: false,
          secretVersion: 2,
          previousSecretExpiresAt: "2026-12-01T00:00:00Z",
        },
        collector: "alloy",
        relay: "nginx",
      },
    );
  });

  it("reads JSON that is indented with tabs and names its schema", () => {
    assert.deepEqual(
      valuesIn(
        '{\n\t"$schema": "../site.schema.json",\n\t"labels": {\n\t\t"region": "apac"\n\t}\n}\n',
        "tokyo.yaml",
      ),
      { ...defaults, $schema: "../site.schema.json", labels: { region: "apac" } },
    );
  });

  it("reads text with a byte order mark and Windows line ends", () => {
    assert.deepEqual(valuesIn("\uFEFFdescription: Tokyo\r\nsignals: [logs]\r\n"), {
      ...defaults,
      description: "Tokyo",
      signals: ["logs"],
    });
  });

  it("names the line of what is not YAML", () => {
    assert.deepEqual(problemsIn("token:\n\tduration: 24h\n"), [
      "sites/tokyo.yaml: is not valid YAML (line 2): Tabs are not allowed as indentation. Fix the syntax.",
    ]);
    assert.deepEqual(problemsIn("# Tokyo\n\ndescription: Tokyo: rack A\n"), [
      "sites/tokyo.yaml: is not valid YAML (line 3): Nested mappings are not allowed in compact mappings. Fix the syntax.",
    ]);
  });

  it("names the line of what is not JSON", () => {
    assert.deepEqual(problemsOf({ "tokyo.yaml": '{\n  "description": "Tokyo"\n' }), [
      "sites/tokyo.yaml: is not valid YAML (line 3): Flow map must end with a }. Fix the syntax.",
    ]);
  });

  it("refuses a list, a text and a number", () => {
    const advice = "not keys and values. Write it as in signals: [metrics].";
    assert.deepEqual(
      problemsOf({ "list.yaml": "- metrics\n- logs\n", "number.yaml": "0", "text.yaml": "metrics\n" }),
      [
        `sites/list.yaml: holds a list, ${advice}`,
        `sites/number.yaml: holds only 0, ${advice}`,
        `sites/text.yaml: holds only "metrics", ${advice}`,
      ],
    );
  });

  it("refuses a key that stands twice, in YAML and in JSON", () => {
    assert.deepEqual(
      problemsOf({
        "a.yaml": "description: Tokyo\ndescription: Oslo\n",
        "b.yaml": "labels:\n  region: apac\n  region: emea\n",
        "c.yaml": '{\n"description": "Tokyo",\n"descr\\u0069ption": "Oslo"\n}\n',
      }),
      [
        "sites/a.yaml: is not valid YAML (line 2): Map keys must be unique. Fix the syntax.",
        "sites/b.yaml: is not valid YAML (line 3): Map keys must be unique. Fix the syntax.",
        "sites/c.yaml: is not valid YAML (line 3): Map keys must be unique. Fix the syntax.",
      ],
    );
  });

  it("refuses several documents in one file", () => {
    assert.deepEqual(problemsIn("description: Tokyo\n---\ndescription: Oslo\n"), [
      "sites/tokyo.yaml: holds several YAML documents (line 2). Write a file for each site.",
    ]);
  });

  it("refuses a tag that it does not know", () => {
    assert.deepEqual(problemsIn("description: !secret Tokyo\n"), [
      "sites/tokyo.yaml: is not valid YAML (line 1): Unresolved tag: !secret. Fix the syntax.",
    ]);
  });

  it("unfolds an alias", () => {
    assert.deepEqual(valuesIn("description: &place Tokyo\nlabels: { place: *place }\n"), {
      ...defaults,
      description: "Tokyo",
      labels: { place: "Tokyo" },
    });
  });

  it("refuses aliases that explode", () => {
    const nine = (item: string) => `[${Array(9).fill(item).join(", ")}]`;
    assert.deepEqual(
      problemsIn(`a: &a ${nine("x")}\nb: &b ${nine("*a")}\nc: &c ${nine("*b")}\nd: ${nine("*c")}\n`),
      [
        "sites/tokyo.yaml: cannot be unfolded: Excessive alias count indicates a resource exhaustion attack. Write the values out instead of using aliases.",
      ],
    );
  });

  it("refuses an alias without an anchor", () => {
    assert.deepEqual(problemsIn("description: *place\n"), [
      "sites/tokyo.yaml: cannot be unfolded: Unresolved alias (the anchor must be set before the alias): place. Write the values out instead of using aliases.",
    ]);
  });

  it("refuses an alias inside its own anchor", () => {
    assert.deepEqual(problemsIn("labels: &labels\n  region: *labels\n"), [
      "sites/tokyo.yaml: cannot be unfolded: an alias stands inside its own anchor. Write the values out instead of using aliases.",
    ]);
  });
});

describe("readSiteFiles, on a file's values", () => {
  const topKeys =
    "Known keys here: $schema, collector, description, labels, movingTo, proxy, relay, shard, signals, token.";
  const tokenKeys = "Known keys here: duration, enabled, previousSecretExpiresAt, secretVersion.";

  it("refuses unknown keys and names the nearest right one", () => {
    assert.deepEqual(problemsIn("signal: [metrics]\ntoken: { secretversion: 1 }\n"), [
      `sites/tokyo.yaml: token.secretversion is not a known key. Did you mean secretVersion? ${tokenKeys}`,
      `sites/tokyo.yaml: signal is not a known key. Did you mean signals? ${topKeys}`,
    ]);
  });

  it("names the known keys alone when none of them is near", () => {
    assert.deepEqual(problemsIn("xylophone: 1\ntoken: { rotation: 1 }\n"), [
      `sites/tokyo.yaml: token.rotation is not a known key. ${tokenKeys}`,
      `sites/tokyo.yaml: xylophone is not a known key. ${topKeys}`,
    ]);
  });

  it("takes names that every object has for unknown keys", () => {
    assert.deepEqual(problemsIn("constructor: Tokyo\n__proto__: { signals: [logs] }\n"), [
      `sites/tokyo.yaml: constructor is not a known key. ${topKeys}`,
      `sites/tokyo.yaml: __proto__ is not a known key. ${topKeys}`,
    ]);
  });

  it("refuses a key without a value", () => {
    assert.deepEqual(problemsIn("signals:\nlabels:\ntoken:\n"), [
      "sites/tokyo.yaml: signals is empty, not a list. Give a list, or drop the key.",
      "sites/tokyo.yaml: labels is empty, not a mapping. Give a mapping, or drop the key.",
      "sites/tokyo.yaml: token is empty, not a mapping. Give a mapping, or drop the key.",
    ]);
  });

  it("says of a number without a unit, and of one that is too large, what to write", () => {
    assert.deepEqual(problemsIn("token: { duration: 8760, secretVersion: 99999999999999999 }"), [
      "sites/tokyo.yaml: token.duration is 8760, which is not a duration that Cloudflare accepts. Write hours, such as 8760h, or forever.",
      "sites/tokyo.yaml: token.secretVersion is 100000000000000000, which is more than 9007199254740991. Give 9007199254740991 at the most.",
    ]);
  });

  it("refuses a description that is no text or too long", () => {
    assert.deepEqual(valuesIn(`description: ${"x".repeat(200)}`), {
      ...defaults,
      description: "x".repeat(200),
    });
    assert.deepEqual(
      problemsOf({ "a.yaml": "description: 2026", "b.yaml": `description: ${"x".repeat(201)}` }),
      [
        "sites/a.yaml: description is 2026, not text. Put it in quotes.",
        `sites/b.yaml: description is "${"x".repeat(75)}...", which is longer than 200 characters. Shorten it.`,
      ],
    );
  });

  it("refuses unknown signals and names the nearest right one", () => {
    assert.deepEqual(problemsIn("signals: [metrics, log, traces]\n"), [
      'sites/tokyo.yaml: signals.1 is "log", which is not known. Did you mean logs? Choose metrics, logs.',
      'sites/tokyo.yaml: signals.2 is "traces", which is not known. Choose metrics, logs.',
    ]);
  });

  it("refuses an empty list of signals", () => {
    assert.deepEqual(problemsIn("signals: []\n"), [
      "sites/tokyo.yaml: signals is [], which is empty. Name a signal, or drop the key for all of them; to shut the site out, set token.enabled to false.",
    ]);
  });

  it("refuses a signal that is named twice", () => {
    assert.deepEqual(problemsIn("signals: [logs, metrics, logs]\n"), [
      'sites/tokyo.yaml: signals is ["logs","metrics","logs"], which names a signal twice. Name it once.',
    ]);
  });

  it("refuses a signal that stands outside a list", () => {
    assert.deepEqual(problemsIn("signals: metrics\n"), [
      'sites/tokyo.yaml: signals is "metrics", not a list. Give a list.',
    ]);
  });

  it("refuses durations in days and years, and a bare number", () => {
    assert.deepEqual(
      problemsOf({
        "a.yaml": "token: { duration: 365d }",
        "b.yaml": "token: { duration: 1y }",
        "c.yaml": "token: { duration: 8760 }",
      }),
      [
        'sites/a.yaml: token.duration is "365d", which is not a duration that Cloudflare accepts. Write hours, such as 8760h, or forever.',
        'sites/b.yaml: token.duration is "1y", which is not a duration that Cloudflare accepts. Write hours, such as 8760h, or forever.',
        "sites/c.yaml: token.duration is 8760, which is not a duration that Cloudflare accepts. Write hours, such as 8760h, or forever.",
      ],
    );
  });

  it("refuses words for true and false", () => {
    assert.deepEqual(problemsIn("token: { enabled: no }\n"), [
      'sites/tokyo.yaml: token.enabled is "no", not true or false. Give true or false.',
    ]);
  });

  it("refuses secret versions that are no count", () => {
    assert.deepEqual(
      problemsOf({
        "a.yaml": "token: { secretVersion: 0 }",
        "b.yaml": "token: { secretVersion: 1.5 }",
        "c.yaml": 'token: { secretVersion: "2" }',
        "d.yaml": "token: { secretVersion: 0, previousSecretExpiresAt: 2026-12-01T00:00:00Z }",
      }),
      [
        "sites/a.yaml: token.secretVersion is 0, which is less than 1. Count rotations from 1.",
        "sites/b.yaml: token.secretVersion is 1.5, not a whole number. Give a whole number.",
        'sites/c.yaml: token.secretVersion is "2", not a number. Take the quotes off.',
        "sites/d.yaml: token.secretVersion is 0, which is less than 1. Count rotations from 1.",
      ],
    );
  });

  it("refuses a raised secret version without its time", () => {
    assert.deepEqual(problemsIn("token: { secretVersion: 2 }\n"), [
      "sites/tokyo.yaml: token.secretVersion is 2, which needs token.previousSecretExpiresAt with it. Say until when the secret before it keeps working, such as 2026-12-01T00:00:00Z.",
    ]);
  });

  it("refuses a time without a raised secret version", () => {
    assert.deepEqual(problemsIn("token: { previousSecretExpiresAt: 2026-12-01T00:00:00Z }\n"), [
      'sites/tokyo.yaml: token.previousSecretExpiresAt is "2026-12-01T00:00:00Z", which means nothing without a raised token.secretVersion. Set secretVersion to 2 to rotate, or drop the time.',
    ]);
  });

  it("refuses a time that is none, has no zone or does not exist", () => {
    const withTime = (time: string) => `token: { secretVersion: 2, previousSecretExpiresAt: ${time} }`;
    const says = "which is not a time. Write it as in 2026-12-01T00:00:00Z.";
    assert.deepEqual(
      problemsOf({
        "a.yaml": withTime("tomorrow"),
        "b.yaml": withTime("2026-12-01"),
        "c.yaml": withTime("2026-12-01T00:00:00"),
        "d.yaml": withTime("2026-02-30T00:00:00Z"),
      }),
      [
        `sites/a.yaml: token.previousSecretExpiresAt is "tomorrow", ${says}`,
        `sites/b.yaml: token.previousSecretExpiresAt is "2026-12-01", ${says}`,
        `sites/c.yaml: token.previousSecretExpiresAt is "2026-12-01T00:00:00", ${says}`,
        `sites/d.yaml: token.previousSecretExpiresAt is "2026-02-30T00:00:00Z", ${says}`,
      ],
    );
  });

  it("accepts a time with an offset", () => {
    assert.deepEqual(
      valuesIn("token: { secretVersion: 2, previousSecretExpiresAt: 2026-12-01T09:00:00+09:00 }\n"),
      {
        ...defaults,
        token: {
          enabled: true,
          secretVersion: 2,
          previousSecretExpiresAt: "2026-12-01T09:00:00+09:00",
        },
      },
    );
  });

  it("refuses label names that Prometheus and Loki refuse", () => {
    const says =
      "is not a label name that Prometheus and Loki accept: letters, digits and underscores, no digit first. Rename it.";
    assert.deepEqual(problemsIn("labels: { a-b: x, 1st: x, größe: x, __x: x, _Ok1: x }\n"), [
      `sites/tokyo.yaml: labels.a-b ${says}`,
      `sites/tokyo.yaml: labels.1st ${says}`,
      `sites/tokyo.yaml: labels.größe ${says}`,
      "sites/tokyo.yaml: labels.__x begins with __, which Prometheus reserves. Rename it.",
    ]);
  });

  it("refuses the label __proto__ as it refuses every name that begins with two underscores", () => {
    assert.deepEqual(problemsIn("labels: { __proto__: x }\n"), [
      "sites/tokyo.yaml: labels.__proto__ begins with __, which Prometheus reserves. Rename it.",
    ]);
  });

  it("refuses labels that the data bring themselves", () => {
    assert.deepEqual(problemsIn("labels: { job: node, instance: x, exported_provider: x, site_job: x }\n"), [
      "sites/tokyo.yaml: labels.job tells the series of one target from those of others, so that it cannot be the same for a whole site. Rename it, such as to site_job.",
      "sites/tokyo.yaml: labels.instance tells the series of one target from those of others, so that it cannot be the same for a whole site. Rename it, such as to site_instance.",
      "sites/tokyo.yaml: labels.exported_provider begins with exported_, under which collectors keep what the data bring. Rename it.",
    ]);
  });

  it("refuses half of a surrogate pair in a label value", () => {
    assert.deepEqual(problemsIn('labels: { place: "\\ud800" }\n'), [
      'sites/tokyo.yaml: labels.place is "\\ud800", which is not text. Type it again.',
    ]);
  });

  it("takes the address of a proxy, and refuses one with a password without showing it", () => {
    assert.deepEqual(valuesIn("proxy: http://proxy.example.net:3128\n"), {
      ...defaults,
      proxy: "http://proxy.example.net:3128",
    });
    assert.deepEqual(problemsIn("proxy: http://ops:hunter2@proxy.example.net:3128\n"), [
      'sites/tokyo.yaml: proxy is "http://...@proxy.example.net:3128", which holds a user or a password, and site files are read by everybody who sees the repository. Have the proxy let the site through by its address, and write it without.',
    ]);
    // A slash in a password ends the authority of a URL, and many write no scheme.
    for (const [address, shown] of [
      ["http://ops:hun/ter2@proxy.example.net:3128", "http://...@proxy.example.net:3128"],
      ["ops:hun/ter2@proxy.example.net:3128", "...@proxy.example.net:3128"],
      ['http://ops:hun "ter 2@proxy.example.net:3128', "http://...@proxy.example.net:3128"],
    ]) {
      assert.deepEqual(problemsIn(`proxy: ${address}\n`), [
        `sites/tokyo.yaml: proxy is "${shown}", which holds a user or a password, and site files are read by everybody who sees the repository. Have the proxy let the site through by its address, and write it without.`,
      ]);
    }
    assert.deepEqual(problemsIn("proxy: proxy.example.net:3128\n"), [
      'sites/tokyo.yaml: proxy is "proxy.example.net:3128", which is not the address of an HTTP proxy with its port. Write it as in http://proxy.example.net:3128.',
    ]);
  });

  it("refuses an empty label value", () => {
    assert.deepEqual(problemsIn('labels: { region: "" }\n'), [
      'sites/tokyo.yaml: labels.region is "", which is empty, and Prometheus treats an empty label as a missing one. Give it a value, or drop the label.',
    ]);
  });

  it("refuses label values that are no text", () => {
    assert.deepEqual(problemsIn("labels: { rack: 7, spare: true, owner: null, rows: [1] }\n"), [
      "sites/tokyo.yaml: labels.rack is 7, not text. Put it in quotes.",
      "sites/tokyo.yaml: labels.spare is true, not text. Put it in quotes.",
      "sites/tokyo.yaml: labels.owner is empty, not text. Give text, or drop the key.",
      "sites/tokyo.yaml: labels.rows is [1], not text. Give text.",
    ]);
  });

  it("refuses a label value with a newline or another control character", () => {
    assert.deepEqual(problemsIn('labels:\n  place: |\n    Tokyo\n  rack: "a\\tb"\n'), [
      'sites/tokyo.yaml: labels.place is "Tokyo\\n", which holds a control character. Write it on one line of plain text.',
      'sites/tokyo.yaml: labels.rack is "a\\tb", which holds a control character. Write it on one line of plain text.',
    ]);
  });

  it("counts the bytes of a label value and refuses more than 2048", () => {
    assert.deepEqual(problemsIn(`labels: { fits: ${"é".repeat(1024)}, large: ${"é".repeat(1024)}x }\n`), [
      `sites/tokyo.yaml: labels.large is "${"é".repeat(75)}...", which is longer than the 2048 bytes that Loki accepts. Shorten it.`,
    ]);
  });

  it("refuses an unknown collector and names the nearest right one", () => {
    assert.deepEqual(problemsIn("collector: fluentbit\n"), [
      'sites/tokyo.yaml: collector is "fluentbit", which is not known. Did you mean fluent-bit? Choose prometheus, promtail, alloy, otelcol, vmagent, vector, fluent-bit, telegraf.',
    ]);
  });
});

describe("relay", () => {
  const proxy = "proxy: http://proxy.example.net:3128\n";

  it("is one of the two that there are", () => {
    assert.deepEqual(problemsIn("relay: ngnix\n"), [
      'sites/tokyo.yaml: relay is "ngnix", which is not known. Did you mean nginx? Choose nginx, caddy.',
    ]);
    assert.deepEqual(problemsIn("relay: true\n"), [
      "sites/tokyo.yaml: relay is true, which is not known. Choose nginx, caddy.",
    ]);
  });

  it("is not nginx where the site has a proxy", () => {
    assert.deepEqual(problemsIn(`${proxy}relay: nginx\n`), [
      'sites/tokyo.yaml: relay is "nginx", which cannot send through a proxy, and the site has one. Take caddy, or leave out relay or proxy.',
    ]);
    const address = "http://proxy.example.net:3128";
    assert.deepEqual(valuesIn(`${proxy}relay: caddy\n`), { ...defaults, proxy: address, relay: "caddy" });
    assert.deepEqual(valuesIn(proxy), { ...defaults, proxy: address });
    assert.deepEqual(valuesIn("relay: nginx\n"), { ...defaults, relay: "nginx" });
  });
});

describe("values that look like numbers", () => {
  const says = (text: string): readonly string[] => problemTexts(parseSite(text, "sites/a.yaml"));

  it("are shown as they are written, and told to stand in quotes", () => {
    assert.deepEqual(says("labels: { rack: 0123, serial: 12345678901234567890, hex: 0x1F, exp: 1e3 }\n"), [
      "sites/a.yaml: labels.rack is 0123, not text. Put it in quotes.",
      "sites/a.yaml: labels.serial is 12345678901234567890, not text. Put it in quotes.",
      "sites/a.yaml: labels.hex is 0x1F, not text. Put it in quotes.",
      "sites/a.yaml: labels.exp is 1e3, not text. Put it in quotes.",
    ]);
  });

  it("are told so only where that helps", () => {
    const advice = "Write hours, such as 8760h (one year), or forever.";
    assert.deepEqual(says("token: { duration: 1e3 }\n"), [
      `sites/a.yaml: token.duration is 1e3, which is not a duration that Cloudflare accepts. ${advice}`,
    ]);
    assert.deepEqual(says('token: { enabled: "true", secretVersion: "x" }\n'), [
      'sites/a.yaml: token.enabled is "true", not true or false. Take the quotes off.',
      'sites/a.yaml: token.secretVersion is "x", not a number. Give a number.',
    ]);
  });
});
