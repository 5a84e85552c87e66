import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { RuntimeError } from "../cri.ts";
import { capabilitySet } from "./capabilities.ts";
import { type Seccomp, seccompOf } from "./seccomp.ts";

const base = mkdtempSync(join(tmpdir(), "capstan-seccomp-"));
after(() => rmSync(base, { recursive: true, force: true }));

/** What a filter does with a call that has the arguments. */
function actionOf({ defaultAction, syscalls = [] }: Seccomp, name: string, args: number[] = []): string {
  const holds = ({
    index,
    value,
    valueTwo = 0,
    op,
  }: {
    index: number;
    value: number;
    valueTwo?: number;
    op: string;
  }) => {
    const given = args[index] ?? 0;
    if (op === "SCMP_CMP_MASKED_EQ") return (given & value) === valueTwo;
    return op === "SCMP_CMP_EQ" ? given === value : given !== value;
  };
  const rule = syscalls.find((one) => one.names.includes(name) && (one.args ?? []).every(holds));
  return (rule?.action ?? defaultAction).replace("SCMP_ACT_", "");
}

test("the default lets programs work, and leaves the node alone", () => {
  const plain = seccompOf(undefined, capabilitySet({}), false);
  assert.ok(plain);
  for (const name of ["read", "openat", "futex", "epoll_wait", "execve", "rseq", "ptrace", "clock_gettime", "mmap"])
    assert.equal(actionOf(plain, name), "ALLOW", name);
  for (const name of ["mount", "bpf", "kexec_load", "init_module", "keyctl", "userfaultfd", "io_uring_setup", "reboot"])
    assert.equal(actionOf(plain, name), "ERRNO", name);
  const [newUser, thread] = [0x10000000, 0x3d0f00];
  assert.deepEqual([actionOf(plain, "clone", [newUser]), actionOf(plain, "clone", [thread])], ["ERRNO", "ALLOW"]);
  assert.equal(plain.syscalls?.find(({ names }) => names.includes("clone3"))?.errnoRet, 38);
  assert.deepEqual([actionOf(plain, "socket", [2]), actionOf(plain, "socket", [40])], ["ALLOW", "ERRNO"]);
  assert.deepEqual(
    [actionOf(plain, "personality", [0]), actionOf(plain, "personality", [0x40000])],
    ["ALLOW", "ERRNO"],
  );
});

test("what a capability is for comes with it", () => {
  const admin = seccompOf({ type: "RuntimeDefault" }, capabilitySet({ add: ["SYS_ADMIN"] }), false);
  assert.ok(admin);
  assert.deepEqual(
    [actionOf(admin, "mount"), actionOf(admin, "clone3"), actionOf(admin, "reboot")],
    ["ALLOW", "ALLOW", "ERRNO"],
  );
});

test("no filter is one only where it was asked for, or for the privileged", () => {
  const set = capabilitySet({});
  assert.equal(seccompOf({ type: "Unconfined" }, set, false), undefined);
  assert.equal(seccompOf(undefined, set, true), undefined);
});

test("a profile of the node is taken as it is, or refused with its name", () => {
  const file = (name: string, text: string) => {
    writeFileSync(join(base, name), text);
    return { type: "Localhost", path: join(base, name) } as const;
  };
  const read = (profile: ReturnType<typeof file>) => seccompOf(profile, new Set(), false);
  const syscalls = [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }];
  const profile = { defaultAction: "SCMP_ACT_ALLOW", syscalls };
  assert.deepEqual(read(file("good.json", JSON.stringify({ ...profile, comment: "none of ours" }))), profile);
  for (const [name, text, reason] of [
    ["broken.json", "{", /broken.json: it is not JSON/],
    ["empty.json", "{}", /empty.json: defaultAction is missing/],
    ["null.json", "null", /defaultAction is missing/],
    ["big.json", " ".repeat((1 << 20) + 1), /larger than 1048576 bytes/],
  ] as const)
    assert.throws(
      () => read(file(name, text)),
      (error) => error instanceof RuntimeError && reason.test(error.message),
    );
  assert.throws(() => read({ type: "Localhost", path: join(base, "none.json") }), /no such file/);
});
