import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusError } from "../meta/index.ts";
import { builtinTypes } from "../schema/index.ts";
import { decodeProtobuf } from "./decode.ts";
import encoded from "./fixtures/encoded-by-go.json" with { type: "json" };
import { tableOf } from "./table.ts";

// Each pair was written by Go's own types and serializers of Kubernetes 1.33: the same object as JSON and as protobuf.
const pairs = encoded as { json: Record<string, unknown>; protobuf: string }[];

/** Go's JSON also writes null for absent times and lists, and zeroes of fields that it always writes: none says anything. */
function withoutNulls(value: unknown, known: unknown): unknown {
  if (Array.isArray(value)) return value.map((item, i) => withoutNulls(item, (known as unknown[] | undefined)?.[i]));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([name, item]) => {
    const has = typeof known === "object" && known !== null && Object.hasOwn(known, name);
    return has || !(item === null || item === 0 || item === "" || item === false);
  });
  return Object.fromEntries(
    kept.map(([name, item]) => [name, withoutNulls(item, (known as Record<string, unknown>)?.[name])]),
  );
}

for (const { json, protobuf } of pairs) {
  test(`${json.kind} decodes to what Go's JSON says`, () => {
    const decoded = decodeProtobuf(Buffer.from(protobuf, "base64"));
    assert.deepEqual(decoded, withoutNulls(json, decoded));
  });
}

test("zeroes behind pointers are kept, others are not sent on", () => {
  const find = (kind: string) =>
    decodeProtobuf(Buffer.from(pairs.find((p) => p.json.kind === kind)?.protobuf ?? "", "base64"));
  const deployment = find("Deployment") as { spec: Record<string, unknown> };
  assert.equal(deployment.spec.replicas, 0);
  assert.equal(deployment.spec.revisionHistoryLimit, 0);
  assert.ok(!("paused" in deployment.spec));
  const pod = (deployment.spec.template as { spec: Record<string, unknown> }).spec;
  assert.ok(!("serviceAccountName" in pod));
  assert.equal(pod.automountServiceAccountToken, false);
  assert.equal(pod.terminationGracePeriodSeconds, 0);
});

test("every built-in type that has field numbers is described whole", () => {
  for (const type of builtinTypes()) assert.ok(tableOf(type));
  assert.throws(() => tableOf("core/v1.Pott"), /no protobuf schema for core\/v1.Pott/);
});

const pack = (kind: string, raw: number[], apiVersion = "v1") => {
  const chunk = (number: number, bytes: number[]) => [number * 8 + 2, bytes.length, ...bytes];
  const text = (value: string) => [...Buffer.from(value)];
  const meta = [...chunk(1, text(apiVersion)), ...chunk(2, text(kind))];
  return Uint8Array.from([0x6b, 0x38, 0x73, 0, ...chunk(1, meta), ...chunk(2, raw)]);
};

test("packed lists decode as unpacked ones", () => {
  // PodSecurityContext.supplementalGroups (4) of PodSpec.securityContext (14) of Pod.spec (2)
  const raw = [0x12, 6, 0x72, 4, 0x22, 2, 5, 6];
  assert.deepEqual(decodeProtobuf(pack("Pod", raw)).spec, { securityContext: { supplementalGroups: [5, 6] } });
});

test("unknown numbers are passed over", () => {
  assert.deepEqual(decodeProtobuf(pack("Secret", [0xf8, 0x07, 1, 0x1a, 1, 0x78])), {
    kind: "Secret",
    apiVersion: "v1",
    type: "x",
  });
});

test("what is malformed is refused with the field's path", () => {
  const refused = (bytes: Uint8Array, message: RegExp) =>
    assert.throws(() => decodeProtobuf(bytes), { reason: "BadRequest", message });
  refused(Buffer.from("{}"), /expected prefix 6b 38 73 00/);
  refused(pack("Pott", []), /no kind "Pott" is registered for version "v1"/);
  refused(pack("Pod", [], "constructor"), /no kind/);
  refused(pack("Secret", [0x1a, 9, 0x78]), /type: the message is shorter than it says/);
  refused(pack("Secret", [0x1a, 1, 0xff]), /type: a string is not valid UTF-8/);
  refused(pack("Secret", [0x18, 1]), /type: wire type 0 in place of 2/);
  refused(pack("Pod", [0x0a, 2, 0x38, 0xff]), /metadata.generation: the message ends within a number/);
  refused(
    pack("Pod", [0x0a, 10, 0x38, ...Array(8).fill(0x80), 0x10]),
    /metadata.generation: integers must lie between/,
  );
  const key = [0x0a, 9, ...Buffer.from("__proto__"), 0x12, 1, 0x78];
  refused(pack("ConfigMap", [0x12, key.length, ...key]), /data: the key "__proto__" is not accepted/);
  assert.equal(Object.getPrototypeOf({}), Object.prototype);
});

test("nesting is bounded", () => {
  // JSONSchemaProps.not (28) within itself.
  let schema: number[] = [];
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
  for (let depth = 0; depth < 600; depth++) schema = [0xe2, 0x01, ...varint(schema.length), ...schema];
  const wrap = (number: number, bytes: number[]) => [...varint(number * 8 + 2), ...varint(bytes.length), ...bytes];
  // CustomResourceDefinition.spec (2), versions (7), schema (4), openAPIV3Schema (1)
  const raw = wrap(2, wrap(7, wrap(4, wrap(1, schema))));
  const meta = wrap(1, [
    ...wrap(1, [...Buffer.from("apiextensions.k8s.io/v1")]),
    ...wrap(2, [...Buffer.from("CustomResourceDefinition")]),
  ]);
  const bytes = Uint8Array.from([0x6b, 0x38, 0x73, 0, ...meta, ...wrap(2, raw)]);
  assert.throws(() => decodeProtobuf(bytes), /nests deeper than 500 levels/);
});

test("damaged bytes are refused or decoded, and nothing else happens", () => {
  let seed = 1;
  // Numerical Recipes' linear congruence: the same bytes are damaged in every run.
  const random = (below: number) => {
    seed = (seed * 1664525 + 1013904223) % 2 ** 32;
    return seed % below;
  };
  let refused = 0;
  for (let round = 0; round < 4000; round++) {
    const bytes = Buffer.from(pairs[round % pairs.length]?.protobuf ?? "", "base64");
    for (let i = 0; i <= random(3); i++) bytes[4 + random(bytes.length - 4)] = random(256);
    const cut = random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    try {
      decodeProtobuf(cut);
    } catch (error) {
      assert.ok(error instanceof StatusError && error.reason === "BadRequest", String((error as Error).stack));
      refused++;
    }
  }
  assert.ok(refused > 500, `only ${refused} of 4000 were refused`);
});
