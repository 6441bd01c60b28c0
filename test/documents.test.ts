import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { before, describe, it } from "node:test";
import GithubSlugger from "github-slugger";
import { marked, type Token, type Tokens } from "marked";
import { z } from "zod";
import { findPulumi } from "../local/run/pulumi-installation";
import { runHere } from "./support/run-here";

const root = join(__dirname, "..");

const text = (path: string): string => readFileSync(join(root, path), "utf8");

/** Every page that is ours, as paths from the root. Rendered READMEs under expected/ are compared with their source elsewhere. */
const pages = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".md") && !/(?:^|\/)(?:node_modules|expected|rendered)\//.test(path))
  .sort();

const { scripts } = z
  .looseObject({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(text("package.json")));

/** A source file that is named in a sentence. */
const ownFile =
  /`((?:bench|central|cli|cloudflare|collectors|docs|fleet|handover|local|operate|packages|policy|provision|scripts|stack|test)\/[\w./-]+\.[a-z]+)`/g;

/** Their record is of a time; what they name may be gone. */
const isRecord = (page: string): boolean => page === "CHANGELOG.md" || page.startsWith("docs/decisions/");

/** All tokens of a page, those within others too, in their order. */
function tokensOf(page: string): Token[] {
  const found: Token[] = [];
  // It returns promises only where a token is waited for.
  void marked.walkTokens(marked.lexer(text(page)), (token) => {
    found.push(token);
  });
  return found;
}

const isKind = <T extends Tokens.Generic>(token: Token, kind: T["type"]): token is Token & T =>
  token.type === kind;

/** The headings of a page, by the names under which GitHub shows them. */
function anchorsOf(page: string): string[] {
  const slugger = new GithubSlugger();
  return tokensOf(page)
    .filter((token) => isKind<Tokens.Heading>(token, "heading"))
    .map(({ text: heading }) => slugger.slug(heading.replace(/[`*]/g, "")));
}

/** Where a page's links and pictures lead to. */
const targetsOf = (page: string): string[] =>
  tokensOf(page).flatMap((token) =>
    isKind<Tokens.Link>(token, "link") || isKind<Tokens.Image>(token, "image") ? [token.href] : [],
  );

/** Command lines of a page: those in blocks, without comments, and those within sentences. */
function commandLines(page: string): string[] {
  return tokensOf(page).flatMap((token) => {
    if (isKind<Tokens.Codespan>(token, "codespan")) {
      return [token.text];
    }
    return isKind<Tokens.Code>(token, "code") && ["sh", "console"].includes(token.lang ?? "")
      ? token.text
          .replace(/\\\n\s*/g, "")
          .split("\n")
          .filter((line) => token.lang === "sh" || line.startsWith("$ "))
      : [];
  });
}

/** A command as it would be typed: the words from the program on, without what comes after a pipe, a comment or a `--`. */
function invocationsOf(program: RegExp, line: string): string[][] {
  return line
    .split(/(?:&&|\|\||[|;()]|(?:^|\s)#(?=\s)|\$\()/)
    .map((part) => part.trim().replace(/^\$ /, ""))
    .flatMap((part) => {
      const [head] = program.exec(part) ?? [];
      const words = head === undefined ? [] : part.slice(head.length).trim().split(/\s+/);
      const end = words.findIndex((word) => word === "--" || (/^[<>]/.test(word) && !/^<.*>$/.test(word)));
      return head === undefined ? [] : [end === -1 ? words : words.slice(0, end)];
    });
}

const flagsIn = (words: readonly string[]): string[] =>
  words.flatMap((word) => /^(--[a-z][a-z-]*)(?:=.*)?$/.exec(word.replace(/[,.:]+$/, ""))?.[1] ?? []);

/** Of programs that are not ours, wherever a page names one without the program. */
const foreignFlags = new Set([
  // Pulumi's, cloudflared's, Prometheus', npm's: each is named with its program in the same sentence.
  "--show-secrets",
  "--target",
  "--refresh",
  "--save-plan",
  "--continue-on-error",
  "--edge-ip-version",
  "--web.enable-remote-write-receiver",
]);

describe("the documents", () => {
  /** The commands of the program, each with the options that its help shows. */
  const helps = new Map<string, { readonly flags: ReadonlySet<string>; readonly help: string }>();

  async function readHelp(words: readonly string[]): Promise<void> {
    const { exitCode, stdout } = await runHere([...words, "--help"], { NO_COLOR: "1" });
    assert.equal(exitCode, 0, words.join(" "));
    const flags = [...stdout.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([flag]) => flag);
    const [, listed = ""] = /^Commands:\n((?: .*\n)+)/m.exec(stdout) ?? [];
    helps.set(words.join(" "), { flags: new Set(flags), help: stdout });
    for (const [, name = ""] of listed.matchAll(/^ {2}([a-z][a-z-]*)/gm)) {
      if (name !== "help") {
        await readHelp([...words, name]);
      }
    }
  }

  before(async () => {
    await readHelp([]);
    assert.ok(helps.size > 10);
  });

  /** What is wrong with a typed `sitepass ...`. */
  function wrongWith(words: readonly string[]): string[] {
    const [name = "", second = ""] = words;
    if (name === "" || /^[<.…[]/.test(name) || name.startsWith("--")) {
      return flagsIn(words).filter((flag) => !helps.get("")?.flags.has(flag));
    }
    const command = helps.get(`${name} ${second}`) ?? helps.get(name);
    return command === undefined
      ? [`sitepass ${name}`]
      : flagsIn(words)
          .filter((flag) => !command.flags.has(flag))
          .map((flag) => `sitepass ${name} ${flag}`);
  }

  it("lead to pages, headings and pictures that are there", () => {
    const wrong = pages.flatMap((page) =>
      targetsOf(page)
        .filter((target) => !/^[a-z]+:/.test(target))
        .flatMap((target) => {
          const [path = "", anchor] = decodeURIComponent(target).split("#");
          const file = path === "" ? page : normalize(join(dirname(page), path));
          if (!existsSync(join(root, file))) {
            return [`${page}: there is no ${target}`];
          }
          return anchor === undefined || anchorsOf(file).includes(anchor)
            ? []
            : [`${page}: there is no heading ${target}`];
        }),
    );
    assert.deepEqual(wrong, []);
  });

  it("name files and scripts of this repository that are there", () => {
    const wrong = pages
      .filter((page) => !isRecord(page))
      .flatMap((page) => [
        ...[...text(page).matchAll(/npm run (?:-s )?([a-z][a-z0-9:-]*)/g)]
          .filter(([, script = ""]) => !(script in scripts))
          .map(([, script = ""]) => `${page}: there is no script ${script}`),
        ...[...text(page).matchAll(ownFile)]
          .filter(([, path = ""]) => !existsSync(join(root, path)))
          .map(([, path = ""]) => `${page}: there is no ${path}`),
      ]);
    assert.deepEqual(wrong, []);
  });

  it("name commands and options of sitepass that exist, and so does each --help", () => {
    const typed = /^(?:npx |npm run -s |npm run )?sitepass(?: --)?(?= |$)/;
    const wrong = pages
      .filter((page) => !isRecord(page))
      .flatMap((page) =>
        commandLines(page)
          .flatMap((line) => invocationsOf(typed, line))
          .flatMap(wrongWith)
          .map((what) => `${page}: there is no ${what}`),
      );
    const wrongHelp = [...helps].flatMap(([name, { help }]) =>
      [...help.matchAll(/^ {2}\$ (sitepass .*)$/gm)]
        .flatMap(([, line = ""]) => invocationsOf(typed, line))
        .flatMap(wrongWith)
        .map((what) => `sitepass ${name} --help: there is no ${what}`),
    );
    assert.deepEqual([...wrong, ...wrongHelp], []);
  });

  it("name no option by itself that no command has", () => {
    const known = new Set([...helps.values()].flatMap(({ flags }) => [...flags]));
    const engine = spawnSync(process.execPath, [join(root, "local", "engine", "start.cjs"), "--help"], {
      encoding: "utf8",
    });
    const wrong = pages
      .filter((page) => !isRecord(page) && !page.startsWith("docs/facts/"))
      .flatMap((page) =>
        commandLines(page)
          .filter((line) => line.startsWith("--"))
          .flatMap((line) => flagsIn(line.split(/\s+/)))
          .filter((flag) => !known.has(flag) && !foreignFlags.has(flag) && !engine.stdout.includes(flag))
          .map((flag) => `${page}: no command has ${flag}`),
      );
    assert.deepEqual(wrong, []);
  });

  it("show every command in the page of commands, and every script of the package", () => {
    const page = text("docs/commands.md");
    const missing = [
      ...[...helps.keys()]
        .filter((name) => name !== "" && !name.includes(" "))
        .map((name) => `| \`${name}\``),
      ...Object.keys(scripts)
        .filter((name) => name !== "sitepass")
        .map((name) => (name === "test" ? "| `npm test`" : `| \`npm run ${name}\``)),
    ].filter((row) => !page.includes(`${row} `));
    assert.deepEqual(missing, []);
  });

  const pulumi = findPulumi();
  const skip = pulumi.available ? false : `pulumi is not here: ${pulumi.reason}`;

  it("name commands and options of pulumi that exist", { skip }, (t) => {
    assert.ok(pulumi.available);
    const home = mkdtempSync(join(tmpdir(), "sitepass-pulumi-help-"));
    t.after(() => {
      rmSync(home, { recursive: true });
    });
    const environment = { ...process.env, ...pulumi.pulumi.prepare(home) };
    const pulumiHelps = new Map<string, string>();
    const helpOf = (words: readonly string[]): string => {
      const name = words.join(" ");
      const known = pulumiHelps.get(name);
      const help =
        known ?? spawnSync("pulumi", [...words, "--help"], { encoding: "utf8", env: environment }).stdout;
      pulumiHelps.set(name, help);
      return help;
    };
    const wrong = pages
      .filter((page) => !isRecord(page))
      .flatMap((page) =>
        commandLines(page)
          .flatMap((line) => invocationsOf(/^(?:[A-Z]+=\S+ )?(?:npx )?pulumi(?= )/, line))
          .filter(([name = ""]) => /^[a-z]/.test(name))
          .flatMap((words) => {
            const [name = "", second = ""] = words;
            const own = helpOf([name]);
            if (!own.includes(`pulumi ${name}`)) {
              return [`pulumi ${name}`];
            }
            // Where a group of commands has no such one, its own help comes.
            const help = /^[a-z][a-z-]*$/.test(second) ? helpOf([name, second]) : own;
            return flagsIn(words)
              .filter((flag) => !help.includes(flag))
              .map((flag) => `pulumi ${name} ${second} ${flag}`);
          })
          .map((what) => `${page}: there is no ${what}`),
      );
    t.diagnostic(`${pulumiHelps.size} commands of pulumi`);
    assert.deepEqual(wrong, []);
  });

  it("have a README on one screen and a half", () => {
    assert.ok(text("README.md").split("\n").length <= 125);
  });

  const pictures = readdirSync(join(root, "docs", "pictures"));

  it("show every picture, each with words for those who cannot see it", () => {
    const shown = new Set(
      pages.flatMap((page) => targetsOf(page).map((target) => normalize(join(dirname(page), target)))),
    );
    assert.ok(pictures.length > 0);
    for (const name of pictures) {
      assert.ok(shown.has(join("docs", "pictures", name)), `nothing shows ${name}`);
      const svg = text(join("docs", "pictures", name));
      assert.match(svg, /<title id="title">[^<]+<\/title>\s*<desc id="desc">[^<]+<\/desc>/, name);
      // Loaded as a picture, it may fetch nothing; and it has to do without it.
      assert.doesNotMatch(svg, /(?:href|src)=|url\((?!#)|<script|<foreignObject/, name);
    }
  });
});

/** A page and its translation. */
const translations = [
  ["README.md", "README.ja.md"],
  ["docs/first-push.md", "docs/first-push.ja.md"],
] as const;

/** A page without its language: everything that has to be the same in another. */
function shapeOf(page: string): unknown[] {
  const anchors = new Map(anchorsOf(page).map((anchor, index) => [anchor, `heading ${index}`]));
  const neutral = (href: string): string => {
    const [path = "", anchor] = decodeURIComponent(href).split("#");
    const file = path === "" ? page : normalize(join(dirname(page), path));
    const known = translations.find((pair) => pair.some((one) => one === file));
    const index = known === undefined || anchor === undefined ? -1 : anchorsOf(file).indexOf(anchor);
    return /^[a-z]+:/.test(href)
      ? href
      : `${file.replace(/\.ja\.(md|svg)$/, ".$1")}${index === -1 ? (anchor ?? "") : ` heading ${index}`}`;
  };
  assert.ok(anchors.size > 0, page);
  const shape: unknown[] = [];
  const inner = (token: Token): { codes: string[]; links: string[] } => {
    const codes: string[] = [];
    const links: string[] = [];
    void marked.walkTokens([token], (one) => {
      if (isKind<Tokens.Codespan>(one, "codespan")) {
        codes.push(one.text);
      } else if (isKind<Tokens.Link>(one, "link") || isKind<Tokens.Image>(one, "image")) {
        links.push(neutral(one.href));
      }
    });
    // Another language says the same in another order.
    return { codes: codes.sort(), links: links.sort() };
  };
  const add = (tokens: readonly Token[]): void => {
    for (const token of tokens) {
      if (isKind<Tokens.Heading>(token, "heading")) {
        shape.push({ heading: token.depth, ...inner(token) });
      } else if (isKind<Tokens.Code>(token, "code")) {
        shape.push({ code: token.text, lang: token.lang });
      } else if (isKind<Tokens.Table>(token, "table")) {
        shape.push({ columns: token.header.length });
        for (const row of token.rows) {
          const cells = row.map((cell) => inner({ type: "paragraph", raw: "", tokens: cell.tokens }));
          shape.push({
            codes: cells.flatMap(({ codes }) => codes).sort(),
            links: cells.flatMap(({ links }) => links).sort(),
          });
        }
      } else if (isKind<Tokens.List>(token, "list")) {
        shape.push({ list: token.items.length, ordered: token.ordered });
        for (const item of token.items) {
          add(item.tokens);
        }
      } else if (token.type !== "space") {
        shape.push({ [token.type]: 1, ...inner(token) });
      }
    }
  };
  add(marked.lexer(text(page)));
  return shape;
}

describe("the translations", () => {
  for (const [page, translation] of translations) {
    // The line that names the two languages links to the other one.
    const withoutLanguages = (shape: readonly unknown[]) => shape.filter((_, index) => index !== 1);

    it(`keep ${translation} in step with ${page}: headings, commands, tables, links`, () => {
      assert.deepEqual(withoutLanguages(shapeOf(translation)), withoutLanguages(shapeOf(page)));
    });

    it(`name ${page} and ${translation} in each other`, () => {
      assert.ok(targetsOf(page).includes(translation.replace(/^.*\//, "")));
      assert.ok(targetsOf(translation).includes(page.replace(/^.*\//, "")));
    });
  }

  it("keep translated pictures in step: the same drawing with other words", () => {
    const drawing = (path: string): string =>
      text(path)
        .replace(/>[^<>]+</g, "><")
        .replace(/xml:lang="[a-z]+"/, "");
    const translated = readdirSync(join(root, "docs", "pictures")).filter((name) => name.includes(".ja."));
    assert.ok(translated.length > 0);
    for (const name of translated) {
      const path = join("docs", "pictures", name);
      assert.equal(drawing(path), drawing(path.replace(".ja.", ".")), name);
    }
  });
});
