import assert from "node:assert/strict";
import { test } from "node:test";
import { isTest, sources, withoutComments } from "./source.ts";

const files = sources();
const code = files.filter((file) => !isTest(file.path));

function none(offenders: string[], reason: string): void {
  assert.deepEqual(offenders, [], `${reason}\n  ${offenders.join("\n  ")}\n`);
}

test("no room re-exports everything", () => {
  none(
    files.filter((file) => /^export \* from/m.test(file.text)).map((file) => file.path),
    "An index names what it gives, so that a reader sees the room's surface and nothing leaks out of it.",
  );
});

test("comments carry no tag but @note and @todo, of which none is left", () => {
  none(
    files
      .filter((file) => !file.path.startsWith("tools/tidy/") && /\b(TODO|FIXME|XXX|HACK)\b|@todo/.test(file.text))
      .map((f) => f.path),
    "What is not done is written in an issue, not left in the code.",
  );
});

test("files are named in kebab case", () => {
  none(
    files.map((f) => f.path).filter((path) => !/^[a-z0-9]+([-.][a-z0-9]+)*\.tsx?$/.test(path.split("/").at(-1) ?? "")),
    "A file is named for the noun inside it, in lower case with hyphens.",
  );
});

test("no error is swallowed", () => {
  none(
    code
      .filter((f) =>
        /catch\s*(\([^)]*\))?\s*\{\s*\}|\.catch\(\s*\(\w*\)\s*=>\s*(\{\s*\}|undefined)\s*\)/.test(
          withoutComments(f.text),
        ),
      )
      .map((f) => f.path),
    "An error is handled, passed on or logged; a case that is no error is tested for by its type or code.",
  );
});

test("nothing waits by the clock", () => {
  none(
    code
      .filter((f) => /\bsetInterval\(/.test(withoutComments(f.text)) && !/^apps\/console\/app\//.test(f.path))
      .map((f) => f.path),
    "React to a watch or an event; a deadline is one timer, not a poll.",
  );
});
