import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate } from "./negotiation.ts";

const table = "application/json;as=Table;v=v1;g=meta.k8s.io";

test("the form that a client likes best and that is served", () => {
  const forms: [string | undefined, string][] = [
    [undefined, "object json"],
    ["*/*", "object json"],
    [`${table},application/json`, "table json"],
    [`application/vnd.kubernetes.protobuf,${table.replace("v1;", "v1beta1;")},application/json`, "table json"],
    ["application/vnd.kubernetes.protobuf, application/json", "object json"],
    ["application/vnd.kubernetes.protobuf", "object json"],
    ["application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", "partialList json"],
    ["application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json", "partial json"],
    ["application/yaml", "object yaml"],
    ["application/json;q=0.1,application/yaml", "object yaml"],
  ];
  for (const [accept, form] of forms) {
    const { as, encoding } = negotiate(accept);
    assert.equal(`${as} ${encoding}`, form, accept);
  }
});

test("nothing acceptable", () => {
  for (const accept of [
    "text/html",
    "application/json;as=Table;v=v7;g=meta.k8s.io",
    "application/json;as=Other;v=v1;g=meta.k8s.io",
  ]) {
    assert.throws(() => negotiate(accept), { reason: "NotAcceptable", code: 406 }, accept);
  }
});
