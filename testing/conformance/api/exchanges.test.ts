// Every scenario is answered as a kube-apiserver answered it, byte for byte but for names, times and revisions.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFixture } from "./fixture.ts";
import { record } from "./recording.ts";
import { openSubject, type Subject } from "./subject.ts";
import { topics } from "./topics/index.ts";

let subject: Subject;
before(async () => {
  subject = await openSubject();
});
after(() => subject[Symbol.asyncDispose]());

for (const [topic, scenarios] of Object.entries(topics)) {
  for (const [name, scenario] of Object.entries(scenarios)) {
    test(`${topic}: ${name}`, async () => {
      const expected = await readFixture(topic);
      assert.deepEqual(await record(subject, scenario), expected[name]);
    });
  }
}
