import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { retriesOf, unwrapCommand, wrapCommand } from "@capstan/api/kinds/workflow-pod";
import { buildArgoexec, compilerMissing } from "./build.ts";

const skip = compilerMissing() ?? false;
const root = mkdtempSync(join(tmpdir(), "argoexec-"));
const program = join(root, "argoexec");

before(() => {
  if (!skip) buildArgoexec(program);
  chmodSync(root, 0o755);
});
after(() => rmSync(root, { recursive: true, force: true }));

interface Run {
  child: ChildProcess;
  /** Resolves to exit code and what was printed. */
  end: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** A pod's shared volume, and containers in it. */
function pod(...containers: string[]) {
  const shared = mkdtempSync(join(root, "pod-"));
  chmodSync(shared, 0o777);
  const env = { ...process.env, ARGOEXEC_SHARED: shared };
  const launch = (args: string[], more: object = {}): Run => {
    const child = spawn(program, args, { env, ...more });
    const out = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.on("data", (data) => {
        out[name] += data;
      });
    }
    return { child, end: once(child, "close").then(([code]) => ({ code, ...out })) };
  };
  const path = (...names: string[]) => join(shared, ...names);
  return {
    path,
    init: () => launch(["init", `--containers=${containers.join(",")}`, "--stage-only"]).end,
    run: (wrapped: string[], more: object = {}) => launch(wrapped.slice(1), more),
    async started(name: string) {
      const watching = watch(path("ctr", name), { persistent: true });
      const seen = () => existsSync(path("ctr", name, "started"));
      while (!seen()) await once(watching, "change");
      watching.close();
    },
    exitCode: (name: string) => readFileSync(path("ctr", name, "exitcode"), "utf8"),
  };
}
const hour = 3_600_000;
const heard = (run: Run, text: string) =>
  new Promise<void>((resolve) => {
    let all = "";
    run.child.stdout?.on("data", (data) => {
      all += data;
      if (all.includes(text)) resolve();
    });
  });

test("a wrapped command unwraps to itself", () => {
  const command = ["sh", "-c", "--", "x"];
  assert.deepEqual(unwrapCommand(wrapCommand(command, { name: "main", saves: ["/a"], after: ["b"] })), command);
  assert.equal(unwrapCommand(wrapCommand([], { name: "main" })), undefined);
  assert.deepEqual(unwrapCommand(["sh", "--", "x"]), ["sh", "--", "x"]);
  const retries = { times: 3, pauseMs: 250 };
  const again = wrapCommand(["x", "--retries=9"], { name: "main", retries });
  assert.deepEqual([retriesOf(again), unwrapCommand(again)], [retries, ["x", "--retries=9"]]);
  assert.equal(retriesOf(wrapCommand(["--retries=9"], { name: "main" })), undefined);
  assert.equal(retriesOf(["sh", "--retries=9", "--"]), undefined);
});

test("it hands on what the command prints and its exit code, and keeps both", { skip }, async () => {
  const one = pod("main");
  assert.equal((await one.init()).code, 0);
  assert.equal(statSync(one.path("argoexec")).mode & 0o777, 0o755);
  const command = ["sh", "-c", 'echo out; sleep 0.02; echo "$0 $1" >&2; (sleep 1 &) ; exit 3', "a", "b"];
  const run = one.run(wrapCommand(command, { name: "main", capture: true }));
  assert.deepEqual(await run.end, { code: 3, stdout: "out\n", stderr: "a b\n" });
  assert.equal(one.exitCode("main"), "3");
  assert.equal(readFileSync(one.path("ctr/main/stdout"), "utf8"), "out\n");
  assert.equal(readFileSync(one.path("ctr/main/combined"), "utf8"), "out\na b\n");
});

test("megabytes pass whole, and nothing is kept that nobody asked for", { skip }, async () => {
  const one = pod("main");
  await one.init();
  const bytes = ["sh", "-c", "head -c 3000000 /dev/zero"];
  assert.equal((await one.run(wrapCommand(bytes, { name: "main", capture: true })).end).stdout.length, 3_000_000);
  assert.equal(statSync(one.path("ctr/main/stdout")).size, 3_000_000);
  const two = pod("main");
  await two.init();
  await two.run(wrapCommand(bytes, { name: "main" })).end;
  assert.equal(existsSync(two.path("ctr/main/combined")), false);
});

test("signals of the runtime and of wait reach the command; one that it dies of is told", { skip }, async () => {
  const one = pod("main", "side", "hard");
  await one.init();
  const waiting = (word: string) => [
    "sh",
    "-c",
    `trap 'echo ${word}; exit 7' TERM USR1; echo up; while :; do sleep 0.02; done`,
  ];
  const main = one.run(wrapCommand(waiting("told"), { name: "main" }));
  await heard(main, "up");
  main.child.kill("SIGUSR1");
  assert.deepEqual(await main.end, { code: 7, stdout: "up\ntold\n", stderr: "" });
  const side = one.run(wrapCommand(waiting("asked"), { name: "side" }));
  await heard(side, "up");
  writeFileSync(one.path("ctr/side/signals"), Uint8Array.of(15));
  assert.deepEqual(await side.end, { code: 7, stdout: "up\nasked\n", stderr: "" });
  const hard = one.run(wrapCommand(["sleep", "100"], { name: "hard" }));
  await one.started("hard");
  writeFileSync(one.path("ctr/hard/signals"), Uint8Array.of(9));
  assert.equal((await hard.end).code, 137);
  assert.equal(one.exitCode("hard"), "137");
});

test("outputs are kept as they are: trees, modes, links; what is not there is left out", { skip }, async () => {
  const one = pod("main");
  await one.init();
  const made = join(root, "made");
  mkdirSync(join(made, "d/empty"), { recursive: true });
  writeFileSync(join(made, "d/x"), "x".repeat(200_000), { mode: 0o640 });
  symlinkSync("../../secret", join(made, "d/l"));
  symlinkSync("d/x", join(made, "link"));
  const saves = [join(made, "d"), join(made, "link"), join(made, "none"), "/proc/self/status"];
  assert.equal((await one.run(wrapCommand(["true"], { name: "main", saves })).end).code, 0);
  const kept = (name: string) => one.path("outputs", made, name);
  assert.equal(readFileSync(kept("d/x"), "utf8").length, 200_000);
  assert.equal(statSync(kept("d/x")).mode & 0o777, 0o640);
  assert.ok(statSync(kept("d/empty")).isDirectory());
  assert.equal(readlinkSync(kept("d/l")), "../../secret");
  assert.equal(readFileSync(kept("link"), "utf8").length, 200_000);
  assert.equal(existsSync(kept("none")), false);
  assert.match(readFileSync(one.path("outputs/proc/self/status"), "utf8"), /^Name:\targoexec/);
});

test("outputs that cannot be kept fail a step that did well", { skip }, async () => {
  const one = pod("main");
  await one.init();
  writeFileSync(join(root, "out"), "x");
  writeFileSync(one.path("outputs", root.split("/")[1] ?? ""), "in the way");
  const run = await one.run(wrapCommand(["true"], { name: "main", saves: [join(root, "out")] })).end;
  assert.equal(run.code, 64);
  assert.match(run.stderr, /cannot save .*\/out: Not a directory/);
});

test("containers of a set start one after another, and not after one that failed", { skip }, async () => {
  const one = pod("a", "b", "c", "d");
  await one.init();
  const wrap = (name: string, command: string, after: string[]) =>
    one.run(wrapCommand(["sh", "-c", command], { name, after }));
  const order = join(root, "order");
  const b = wrap("b", `echo b >>${order}; exit 2`, ["a"]);
  const c = wrap("c", `echo c >>${order}`, ["a", "b"]);
  const d = wrap("d", `echo d >>${order}`, ["a"]);
  const a = wrap("a", `sleep 0.05; echo a >>${order}`, []);
  assert.deepEqual(
    (await Promise.all([a, b, c, d].map((run) => run.end))).map(({ code }) => code),
    [0, 2, 64, 0],
  );
  assert.deepEqual(readFileSync(order, "utf8").split("\n").slice(0, 1), ["a"]);
  assert.match((await c.end).stderr, /a container before it failed/);
  const late = pod("a", "b", "c", "w", "n");
  await late.init();
  await late.run(wrapCommand(["true"], { name: "a" })).end;
  assert.equal((await late.run(wrapCommand(["true"], { name: "b", after: ["a"] })).end).code, 0);
  const killed = late.run(wrapCommand(["sh", "-c", "echo up; cat"], { name: "c" }));
  await heard(killed, "up");
  const waiting = late.run(wrapCommand(["true"], { name: "w", after: ["c"] }));
  await late.started("w");
  waiting.child.kill("SIGTERM");
  assert.equal((await waiting.end).code, 143);
  const next = late.run(wrapCommand(["true"], { name: "n", after: ["c"] }));
  await late.started("n");
  // Without a word of its end: the pipe that it held open tells of it.
  killed.child.kill("SIGKILL");
  assert.equal((await next.end).code, 64);
  killed.child.stdin?.end();
});

test("what cannot be run is named, with the exit codes of a shell", { skip }, async () => {
  const one = pod("main");
  await one.init();
  const none = await one.run(wrapCommand(["no-such-program"], { name: "main" })).end;
  assert.deepEqual([none.code, none.stderr], [127, "argoexec: no-such-program: No such file or directory\n"]);
  writeFileSync(join(root, "plain"), "text");
  assert.equal((await one.run(wrapCommand([join(root, "plain")], { name: "main" })).end).code, 126);
  const empty = await one.run(wrapCommand([], { name: "main" })).end;
  assert.deepEqual([empty.code, /no command/.test(empty.stderr)], [64, true]);
});

test("a command that fails is run again as often as was said, and what all of its runs print is kept", {
  skip,
}, async () => {
  const one = pod("well", "badly", "none", "asked", "resting", "wrong");
  await one.init();
  const count = (name: string) => join(root, `count-${name}`);
  const script = (name: string, ...codes: number[]) =>
    `echo x >>${count(name)}; n=$(wc -l <${count(name)}); echo "run $n"; set -- ${codes.join(" ")}; shift $((n - 1)); exit $1`;
  const run = (name: string, text: string, times: number, pauseMs: number) =>
    one.run(wrapCommand(["sh", "-c", text], { name, capture: true, retries: { times, pauseMs } }));
  const runs = "run 1\nrun 2\nrun 3\n";
  assert.deepEqual(await run("well", script("well", 1, 2, 0, 3), 5, 1).end, { code: 0, stdout: runs, stderr: "" });
  assert.equal(readFileSync(one.path("ctr/well/stdout"), "utf8"), runs);
  assert.equal((await run("badly", script("badly", 1, 2, 3, 4), 2, 0).end).code, 3);
  assert.equal(one.exitCode("badly"), "3");
  const unknown = wrapCommand(["no-such-program"], { name: "none", retries: { times: 9, pauseMs: hour } });
  assert.equal((await one.run(unknown).end).code, 127);

  const asked = run("asked", "trap 'exit 7' TERM; echo up; while :; do sleep 0.02; done", 9, 0);
  await heard(asked, "up");
  asked.child.kill("SIGTERM");
  assert.deepEqual(await asked.end, { code: 7, stdout: "up\n", stderr: "" });
  const resting = run("resting", "echo up; exit 4", 9, hour);
  await heard(resting, "up");
  writeFileSync(one.path("ctr/resting/signals"), Uint8Array.of(15));
  assert.ok([4, 143].includes((await resting.end).code ?? -1));

  for (const option of ["--retries=-1", "--retries=1x", "--retry-duration=2147483648"]) {
    const wrong = await one.run(["argoexec", "emissary", "--name=wrong", option, "--", "true"]).end;
    assert.deepEqual(
      [wrong.code, wrong.stderr],
      [64, `argoexec: ${option}: not a whole number from 0 to 2147483647\n`],
    );
  }
});

test("any user can run a step", { skip: skip || (process.getuid?.() !== 0 && "needs root") }, async () => {
  const one = pod("main");
  await one.init();
  const made = mkdtempSync(join(root, "user-"));
  chmodSync(made, 0o777);
  const command = ["sh", "-c", `umask 077; id -u; echo v >${made}/p`];
  const as = { uid: 1234, gid: 1234 };
  const run = one.run(wrapCommand(command, { name: "main", capture: true, saves: [`${made}/p`] }), as);
  assert.deepEqual(await run.end, { code: 0, stdout: "1234\n", stderr: "" });
  assert.equal(statSync(one.path("outputs", made, "p")).mode & 0o777, 0o644);
});
