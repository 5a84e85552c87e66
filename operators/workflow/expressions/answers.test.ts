// Repeats questions to which Argo's own libraries have given their answers (testing/peers/expressions).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { answer, dataOf, type Peer, sameAnswer } from "@capstan/testing/peers/expressions";

type Recorded = [language: string, source: string, type?: string, value?: unknown];
const file = join(import.meta.dirname, "fixtures", "answers.json");
const recorded = JSON.parse(readFileSync(file, "utf8")) as Recorded[];
/** jq starts a thread for each question: a few stand for all of them here. */
const skips = (language: string, i: number) => language === "jq" && i % 8 !== 0;

for (const language of new Set(recorded.map(([language]) => language))) {
  test(`${language} answers as Argo's own library`, async () => {
    const wrong: string[] = [];
    for (const [i, [own, source, type, value]] of recorded.entries()) {
      if (own !== language || skips(language, i)) continue;
      const theirs: Peer = type === undefined ? { error: "an error" } : { type, value };
      const ours = await answer({ language, source, data: dataOf(language) });
      if (!sameAnswer(ours, theirs))
        wrong.push(`${source}\n  theirs ${JSON.stringify(theirs)}\n  ours ${JSON.stringify(ours)}`);
    }
    assert.equal(wrong.join("\n"), "");
  });
}
