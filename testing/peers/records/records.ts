// The contract of the records on a real PostgreSQL: node testing/peers/run.ts records. Needs Debian's package postgresql.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createRecords } from "@capstan/core/records";
import { testRecords } from "../../contracts/index.ts";
import { findPostgres, startPostgres } from "./postgres.ts";

const programs = findPostgres();
if (!programs) test("records on PostgreSQL", { skip: "PostgreSQL's server is not installed (Debian: postgresql)" });
else {
  const server = await startPostgres(programs);
  after(() => server[Symbol.asyncDispose]());
  testRecords("postgres", async () => ({ url: server.createDatabase() }));

  test("postgres: what one cluster frees, another hears of at once", async () => {
    const url = server.createDatabase();
    await using here = createRecords({ database: { url }, cluster: "here" });
    await using there = createRecords({ database: { url }, cluster: "there" });
    const [mine, others] = [(await here.open()).locks, (await there.open()).locks];
    const mutex = [{ kind: "mutex" as const, name: "global/m" }];
    const order = { priority: 0, createdAt: "2026-01-01T00:00:00Z" };
    assert.equal((await mine.acquire("a/wf", mutex, order)).held, true);
    const waiting = await others.acquire("a/wf", mutex, order);
    assert.deepEqual(waiting, { held: false, waitsFor: mutex[0], holders: ["a/wf"], limit: 1 });
    const heard = new Promise<void>((resolve) => others.onFreed(resolve));
    await mine.release("a/wf");
    await heard;
    assert.equal((await others.acquire("a/wf", mutex, order)).held, true);
  });

  test("postgres: several processes make the tables at once", async () => {
    const url = server.createDatabase();
    const all = Array.from({ length: 4 }, (_, n) => createRecords({ database: { url }, cluster: `c${n}` }));
    await Promise.all(all.map((records) => records.open()));
    for (const records of all) await records[Symbol.asyncDispose]();
  });
}
