import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { documents, isTest, root, sources, targetOf } from "./source.ts";

/** Files that something outside the import graph starts. */
const entries =
  /(^|\/)(main|bin|worker|[\w-]+-worker)\.(ts|tsx|js)$|^tools\/|^testing\/|\.config\.ts$|\.d\.ts$|^examples\//;

test("every file is imported by another, or is an entry point", () => {
  const files = sources();
  const reached = new Set<string>();
  for (const file of files) {
    for (const name of file.imports) {
      const target = targetOf(file, name);
      for (const end of ["", ".ts", ".tsx", "/index.ts", "/index.tsx"])
        reached.add(normalize(target + end).replace(/\/\//g, "/"));
      if (target.startsWith("api/kinds") || target.startsWith("api/generated")) reached.add(`${target}.ts`);
    }
    for (const match of file.text.matchAll(/new URL\(\s*["']([^"']+)["'],\s*import\.meta\.url/g)) {
      reached.add(normalize(join(dirname(file.path), match[1] ?? "")));
    }
  }
  const dead = files.map((f) => f.path).filter((path) => !isTest(path) && !entries.test(path) && !reached.has(path));
  assert.deepEqual(dead, [], `Nothing reaches these files; delete them or use them:\n  ${dead.join("\n  ")}\n`);
});

test("every dependency is imported somewhere", () => {
  const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  const used = new Set(sources().flatMap((file) => file.imports.map((name) => targetOf(file, name))));
  const tools = new Set(["node", "typescript", "@biomejs/biome", "vite", "reflect-metadata"]);
  const unused = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter((name) => !tools.has(name) && !name.startsWith("@types/"))
    .filter((name) => !used.has(`npm:${name}`));
  assert.deepEqual(unused, [], `A dependency that nothing imports is weight: ${unused.join(", ")}`);
});

test("links between documents lead somewhere", () => {
  const broken = documents().flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map((match) => normalize(join(dirname(path), match[1] ?? "")))
      .filter((target) => !exists(target))
      .map((target) => `${path} → ${target}`),
  );
  assert.deepEqual(broken, [], `Broken links:\n  ${broken.join("\n  ")}\n`);
});

test("a room's README fits on a screen", () => {
  const long = documents()
    .filter(({ path }) => /\/README\.md$/.test(path) && !/^(examples|docs)\//.test(path))
    .filter(({ text }) => text.split("\n").length > 41)
    .map(({ path }) => path);
  assert.deepEqual(long, [], `What it owns, its invariants, where to start: 40 lines.\n  ${long.join("\n  ")}\n`);
});

function exists(path: string): boolean {
  try {
    readFileSync(root + path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EISDIR";
  }
}
