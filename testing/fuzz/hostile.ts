// Requests that mean harm: what has brought servers down before, each with a random part.
import type { FuzzRequest } from "./requests.ts";

type Random = () => number;
type Pick = <T>(list: readonly T[]) => T;

const json = { "content-type": "application/json" };
const encode = (text: string) => new TextEncoder().encode(text);
const defaults = "/api/v1/namespaces/default";
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** Patterns that make a backtracking engine run for ever, and some that RE2 refuses. */
const patterns = [
  "^(a+)+$",
  "^(a|a)*$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(x+x+)+y",
  "^(a?){40}a{40}$",
  "((a{1,50}){1,50}){1,50}",
  "(?=a)",
  "\\1(a)",
  "[",
  "a{99999}",
  "(?P<n>a)(?P<n>b)",
  `${"(".repeat(200)}a${")*".repeat(200)}`,
];

/** Rules that cost much, or nothing that a rule may do. */
const rules = [
  "self.list.all(a, self.list.all(b, self.list.all(c, a == b || b == c)))",
  "self.list.map(a, self.list.map(b, self.list)).size() > 0",
  "self.text.matches('^(a+)+$')",
  "self.text.replace('a', 'aaaaaaaaaaaaaaaa').replace('a', 'aaaaaaaaaaaaaaaa').size() > 0",
  "self.text.split('').map(c, self.text).size() > 0",
  "self.__proto__ == null",
  "self.constructor('return 1')()",
  "1 / 0 == 0",
  "9223372036854775807 + 1 > 0",
  `${"(".repeat(300)}true${")".repeat(300)}`,
  "self.none.none == 1",
  "oldSelf.text == self.text",
  "size(self.list) >",
  "self.list.exists(a, a.exists(b, true))",
  "'a'.matches('(')",
];

const definition = (name: string, pattern: string, rule: string, depth: number) => {
  let schema: object = {
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
    properties: {
      text: { type: "string", pattern },
      list: { type: "array", maxItems: 1000, items: { type: "string", maxLength: 50 } },
      number: { type: "integer", format: "int64" },
    },
    "x-kubernetes-validations": [{ rule }],
  };
  for (let i = 0; i < depth; i++) schema = { type: "object", properties: { spec: schema } };
  return {
    metadata: { name: `${name}.hostile.example.com` },
    spec: {
      group: "hostile.example.com",
      scope: "Namespaced",
      names: { plural: name, kind: name.toUpperCase() },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
};

const post = (url: string, body: string, headers: Record<string, string> = json): FuzzRequest => ({
  method: "POST",
  url,
  headers,
  body: encode(body),
});
const patch = (url: string, type: string, body: string): FuzzRequest => ({
  method: "PATCH",
  url,
  headers: { "content-type": type },
  body: encode(body),
});
const get = (url: string, headers: Record<string, string> = {}): FuzzRequest => ({ method: "GET", url, headers });

const map = (more: object) => JSON.stringify({ metadata: { name: "hostile" }, ...more });
const integers = [
  "9007199254740993",
  "-9223372036854775808",
  "9223372036854775807",
  "1e400",
  "1e3",
  "-0",
  "0.1e1",
  "00",
];
const keys = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "\\u005f_proto__",
  "",
  "a.b",
  "a/b",
];

type Kind = (random: Random, pick: Pick) => FuzzRequest;

const selectors: Kind = (random, pick) => {
  const one = () =>
    pick(["a=b", "a in (b,c)", "!a", "a notin ()", "a==", "=", "a in (", ")", "é=ü", "__proto__=x", " , "]);
  const count = pick([1, 3, 50, 2000]);
  const text = Array.from({ length: count }, one).join(pick([",", ",,", "&&", ""]));
  const name = random() < 0.7 ? "labelSelector" : "fieldSelector";
  return get(
    `${defaults}/pods?${name}=${encodeURIComponent(text)}${pick(["", "&limit=1", "&watch=1&timeoutSeconds=1"])}`,
  );
};

const definitionsAndObjects: Kind = (random, pick) => {
  const name = `h${Math.floor(random() * 8)}`;
  if (random() < 0.1) return { method: "DELETE", url: `${definitions}/${name}.hostile.example.com`, headers: {} };
  if (random() < 0.3) {
    const depth = pick([0, 1, 20, 200]);
    return post(definitions, JSON.stringify(definition(name, pick(patterns), pick(rules), depth)));
  }
  const object = {
    metadata: { name: `o${Math.floor(random() * 4)}` },
    text: pick(["a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "x".repeat(5000), "a".repeat(pick([20, 100_000]))]),
    list: Array.from({ length: pick([0, 3, 1000]) }, (_, i) => `v${i}`),
    number: 1,
  };
  const text = JSON.stringify(object).replace('"number":1', `"number":${pick(integers)}`);
  return post(`/apis/hostile.example.com/v1/namespaces/default/${name}`, text);
};

const patches: Kind = (random, pick) => {
  const url = `${defaults}/configmaps/${pick(["hostile", "c", "none"])}`;
  const growing = (n: number) =>
    Array.from({ length: n }, (_, i) => ({ op: "copy", from: "/data", path: `/data/${i % 40}` }));
  const many = (n: number) => Array.from({ length: n }, (_, i) => ({ op: "add", path: `/data/k${i}`, value: "v" }));
  const moves = [{ op: "move", from: "/metadata", path: "/metadata/labels/a" }];
  const operations = pick([() => many(10_001), () => many(3000), () => growing(60), () => moves]);
  if (random() < 0.5) return patch(url, "application/json-patch+json", JSON.stringify(operations()));
  const directives = [
    { $patch: pick(["delete", "replace", "merge", "x"]), data: null },
    { data: { $patch: "replace" }, $retainKeys: [{}] },
    { metadata: { "$setElementOrder/finalizers": [1, null], "$deleteFromPrimitiveList/finalizers": {} } },
    { metadata: { finalizers: Array.from({ length: 5000 }, (_, i) => `a/b${i}`) } },
  ];
  const type = pick(["application/strategic-merge-patch+json", "application/merge-patch+json"]);
  return patch(url, type, JSON.stringify(pick(directives)));
};

const yamls: Kind = (_, pick) => {
  const laughs = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (let i = 0; i < 12; i++) {
    const name = String.fromCharCode(97 + i);
    laughs.push(`${String.fromCharCode(98 + i)}: &${String.fromCharCode(98 + i)} [${`*${name},`.repeat(9)}]`);
  }
  const texts = [
    laughs.join("\n"),
    "&a {a: *a}",
    "metadata: {name: hostile, <<: {name: other}}\ndata: {a: 1}",
    "!!js/function 'return 1'",
    "? [complex]\n: key",
    `${"- ".repeat(3000)}x`,
    `${"{a: ".repeat(1000)}1${"}".repeat(1000)}`,
    "a: b: c",
    "--- a\n--- b",
    "\u0000",
    "metadata: {name: 0x10}\ndata: {a: 1_000}",
  ];
  const apply = {
    method: "PATCH",
    url: `${defaults}/configmaps/hostile?fieldManager=f`,
    type: "application/apply-patch+yaml",
  };
  const create = { method: "POST", url: `${defaults}/configmaps`, type: "application/yaml" };
  const { method, url, type } = pick([apply, create]);
  return { method, url, headers: { "content-type": type }, body: encode(pick(texts)) };
};

const nested: Kind = (_, pick) => {
  const depth = pick([100, 511, 512, 513, 20_000]);
  const [open, close] = pick([
    ["[", "]"],
    ['{"a":', "}"],
    ['[{"a":', "}]"],
  ]);
  const deep = `${open.repeat(depth)}1${close.repeat(depth)}`;
  if (pick([true, false])) return post(`${defaults}/configmaps`, map({}).replace("}", `,"x":${deep}}`));
  return patch(`${defaults}/configmaps/hostile`, "application/merge-patch+json", `{"data":${deep}}`);
};

const prototypes: Kind = (_, pick) => {
  const key = pick(keys);
  const bodies = [
    `{"metadata":{"name":"hostile","${key}":{"polluted":true}}}`,
    `{"metadata":{"name":"hostile","labels":{"${key}":"polluted"}},"data":{"${key}":"x"}}`,
    `{"${key}":{"polluted":true},"metadata":{"name":"hostile"},"metadata":{"name":"again"}}`,
  ];
  const paths = [
    `/api/v1/namespaces/${key}/pods/${key}`,
    `/apis/${key}/v1/${key}`,
    `/${key}/${key}`,
    `${defaults}/${key}`,
    `${defaults}/pods/${key}/${key}`,
    `/openapi/v3/${key}`,
  ];
  return pick([
    post(`${defaults}/configmaps`, pick(bodies)),
    patch(`${defaults}/configmaps/hostile`, "application/merge-patch+json", pick(bodies)),
    patch(
      `${defaults}/configmaps/hostile`,
      "application/json-patch+json",
      JSON.stringify([{ op: "add", path: `/${key}/polluted`, value: 1 }]),
    ),
    get(encodeURI(pick(paths))),
  ]);
};

const numbers: Kind = (_, pick) => {
  const text = `{"metadata":{"name":"n"},"spec":{"replicas":${pick(integers)},"selector":{"matchLabels":{"a":"b"}},"template":{}}}`;
  const query = pick(["", `?limit=${pick(integers)}`, `?timeoutSeconds=${pick(integers)}`]);
  return pick([post("/apis/apps/v1/namespaces/default/deployments", text), get(`${defaults}/configmaps${query}`)]);
};

const protobufs: Kind = (random, pick) => {
  const envelope = [
    0x6b,
    0x38,
    0x73,
    0x00,
    0x0a,
    0x0f,
    0x0a,
    0x02,
    0x76,
    0x31,
    0x12,
    0x09,
    ...encode("ConfigMap"),
    0x12,
  ];
  const inner = Array.from({ length: pick([0, 5, 40, 400]) }, () => Math.floor(random() * 256));
  const named = [0x0a, 0x09, 0x0a, 0x07, ...encode("hostile")];
  const nest = Array.from({ length: 120 }, (_, i) => [0x0a, Math.max(0, 238 - 2 * i)]).flat();
  const raw = pick([inner, [...named, ...inner], nest, [0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f], [0xff]]);
  const length = pick([raw.length, raw.length + 1, 0, 127]) % 128;
  const body = Uint8Array.from([...envelope, length, ...raw].slice(random() < 0.2 ? Math.floor(random() * 6) : 0));
  return {
    method: "POST",
    url: `${defaults}/configmaps`,
    headers: { "content-type": "application/vnd.kubernetes.protobuf" },
    body,
  };
};

const sizes: Kind = (_, pick) => {
  const size = pick([1000, 300_000, 3 * 1024 * 1024]);
  return post(`${defaults}/configmaps`, map({ data: { a: "x".repeat(size) } }));
};

const tokens: Kind = (_, pick) => {
  const token = (value: unknown) => encodeURIComponent(Buffer.from(JSON.stringify(value)).toString("base64"));
  const forged = [
    token({ v: "meta.k8s.io/v1", rv: 1, start: "../../secrets/x" }),
    token({ v: "meta.k8s.io/v1", rv: 2 ** 53, start: "\uffff" }),
    token({ v: "meta.k8s.io/v1", rv: -1, start: "" }),
    token({ v: "x", rv: 1, start: [] }),
    "%00",
    "A".repeat(10_000),
  ];
  const accept = pick([
    "application/json;as=Table;g=meta.k8s.io;v=v1",
    "application/json;as=Table;v=__proto__;g=x",
    `${"application/json,".repeat(500)}*/*;q=x`,
    "text/html",
    ";;;",
  ]);
  return get(`${defaults}/configmaps?limit=1&continue=${pick(forged)}`, { accept });
};

// What is large is rare: it takes its time to make, and says nothing new the next time.
const kinds: readonly [share: number, kind: Kind][] = [
  [0.2, selectors],
  [0.2, definitionsAndObjects],
  [0.04, patches],
  [0.03, yamls],
  [0.03, nested],
  [0.2, prototypes],
  [0.1, numbers],
  [0.15, protobufs],
  [0.005, sizes],
  [0.045, tokens],
];

export function nextHostile(random: Random): FuzzRequest {
  const pick: Pick = (list) => list[Math.floor(random() * list.length)] as (typeof list)[number];
  let at = random();
  for (const [share, kind] of kinds) {
    at -= share;
    if (at < 0) return kind(random, pick);
  }
  return selectors(random, pick);
}
