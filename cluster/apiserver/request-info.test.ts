import assert from "node:assert/strict";
import { test } from "node:test";
import { requestInfoOf } from "./request-info.ts";

/** Method, URL, and what it is: verb group/version resource/subresource namespace/name rest. Source: apiserver's requestinfo_test. */
const cases: [string, string, string][] = [
  ["GET", "/api/v1/namespaces", "list /v1 namespaces/ / "],
  ["GET", "/api/v1/namespaces/other", "get /v1 namespaces/ other/other "],
  ["PUT", "/api/v1/namespaces/other/finalize", "update /v1 namespaces/finalize other/other "],
  ["GET", "/api/v1/namespaces/other/pods", "list /v1 pods/ other/ "],
  ["GET", "/api/v1/namespaces/other/pods/a", "get /v1 pods/ other/a "],
  ["HEAD", "/api/v1/namespaces/other/pods/a", "get /v1 pods/ other/a "],
  ["GET", "/api/v1/pods?watch=true", "watch /v1 pods/ / "],
  ["GET", "/api/v1/pods?watch=false", "list /v1 pods/ / "],
  ["GET", "/api/v1/namespaces/other/pods?fieldSelector=metadata.name%3Da", "list /v1 pods/ other/a "],
  ["DELETE", "/api/v1/namespaces/other/pods", "deletecollection /v1 pods/ other/ "],
  ["POST", "/api/v1/namespaces/other/pods", "create /v1 pods/ other/ "],
  ["PATCH", "/apis/apps/v1/namespaces/n/deployments/d/scale", "patch apps/v1 deployments/scale n/d "],
  ["GET", "/api/v1/nodes/n/proxy/stats/summary", "get /v1 nodes/proxy /n stats/summary"],
  ["GET", "/apis/example.com/v1/widgets", "list example.com/v1 widgets/ / "],
];

test("paths of resources", () => {
  for (const [method, url, expected] of cases) {
    const { verb, group, version, resource, subresource, namespace, name, rest, isResource } = requestInfoOf(
      method,
      url,
    );
    assert.ok(isResource, url);
    assert.equal(`${verb} ${group}/${version} ${resource}/${subresource} ${namespace}/${name} ${rest}`, expected, url);
  }
});

test("other paths", () => {
  for (const url of [
    "/",
    "/api",
    "/api/v1",
    "/apis",
    "/apis/apps",
    "/apis/apps/v1",
    "/healthz",
    "/openapi/v3/apis/apps/v1?hash=x",
  ]) {
    const info = requestInfoOf("GET", url);
    assert.deepEqual([info.isResource, info.verb], [false, "get"], url);
  }
  assert.throws(() => requestInfoOf("GET", "/api/v1/%zz"), { reason: "BadRequest" });
});
