import assert from "node:assert/strict";
import { test } from "node:test";
import { isTest, type Source, sources, targetOf, withoutComments } from "./source.ts";

const layers: Record<string, number> = { base: 0, api: 1, core: 2, cluster: 3, operators: 3, components: 3, apps: 4 };
const topOf = (path: string) => path.split("/")[0] ?? "";
const product = sources().filter((source) => topOf(source.path) in layers);
const code = product.filter((source) => !isTest(source.path));

/** Every import of these files, with where it leads. */
function edges(files: Source[]): { path: string; target: string }[] {
  return files.flatMap((file) => file.imports.map((name) => ({ path: file.path, target: targetOf(file, name) })));
}

function none(offenders: string[], reason: string): void {
  assert.deepEqual(offenders, [], `${reason}\n  ${offenders.join("\n  ")}\n`);
}

test("a file imports only from a smaller layer, and folders of one layer never import one another", () => {
  const wrong = edges(code).filter(({ path, target }) => {
    const [from, to] = [topOf(path), topOf(target)];
    if (!(to in layers)) return false;
    if (from === to) return from === "apps" && path.split("/")[1] !== target.split("/")[1] && !composes(path);
    return (layers[to] as number) >= (layers[from] as number);
  });
  none(
    wrong.map(({ path, target }) => `${path} imports ${target}`),
    "The top folder is the layer: what a lower layer or a sibling knows of a higher one, it can never be used without. Meet through API objects, or take a function as an option.",
  );
});

/** apps/capstan is all in one: it alone may take in the other apps' parts. */
const composes = (path: string) => path.startsWith("apps/capstan/");

test("cluster rooms, operators and apps read no environment, arguments or signals below apps/", () => {
  const pattern = /\bprocess\.(env|argv)\b|\bprocess\.(on|once)\(\s*["']SIG/;
  none(
    code.filter((f) => topOf(f.path) !== "apps" && pattern.test(withoutComments(f.text))).map((f) => f.path),
    "Only apps/ reads the environment, arguments or signals: below it, everything is an option, so that a test can say it.",
  );
});

test("base, api, core/client, core/reconcile and operators/workflow/control import no node module", () => {
  const portable = /^(base|api|core\/client|core\/reconcile|operators\/workflow\/control)\//;
  none(
    edges(code.filter((f) => portable.test(f.path)))
      .filter(({ target }) => target.startsWith("node:"))
      .map(({ path, target }) => `${path} imports ${target}`),
    "The console runs these rooms in a browser.",
  );
});

const owners: [string, RegExp, RegExp, string][] = [
  ["lmdb", /^npm:lmdb$/, /^core\/store\//, "Only core/store knows how bytes are kept."],
  [
    "processes",
    /^node:child_process$/,
    /^(core\/runtime|apps)\//,
    "Only core/runtime starts containers; apps/ start themselves.",
  ],
  ["SQL", /^npm:(kysely|pg)$|^node:sqlite$/, /^core\/records\//, "Only core/records speaks SQL."],
];
for (const [what, target, room, reason] of owners) {
  test(`${what}: imported in one room alone`, () => {
    none(
      edges(code)
        .filter((edge) => target.test(edge.target) && !room.test(edge.path))
        .map((edge) => `${edge.path} imports ${edge.target}`),
      reason,
    );
  });
}

test("only tests import testing/", () => {
  none(
    edges(code)
      .filter(({ target }) => topOf(target) === "testing")
      .map(({ path, target }) => `${path} imports ${target}`),
    "testing/ may import everything, so whatever imports it does too.",
  );
});
