import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpRouteMatch, HttpRouteRule } from "@capstan/api/kinds/gateway";
import { HandWorld } from "@capstan/testing/gateway";
import { commonHostnames, hostOf, patternsFor } from "./hostname.ts";
import { buildRouteTable, compileRoute } from "./route-table.ts";
import { UnsupportedValue } from "./unsupported.ts";

/** The first backend's name says which rule was taken. */
const to = (name: string, ...matches: HttpRouteMatch[]): HttpRouteRule => ({
  matches,
  backendRefs: [{ name, port: 80 }],
});

function ask(world: HandWorld, url: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  const { host, pathname, search } = new URL(url);
  const { method = "GET", headers = {} } = options;
  const facts = { method, path: pathname, query: new URLSearchParams(search), headers };
  return buildRouteTable(world, world.port).find(host, facts)?.rule.backends[0]?.ref.name;
}

test("paths: exact, then the longest prefix by elements, then expressions, then the prefix /", () => {
  const world = new HandWorld();
  world.addRoute("r", {
    rules: [
      to("root", { path: { type: "PathPrefix", value: "/" } }),
      to("regex", { path: { type: "RegularExpression", value: "/v[0-9]+/.*" } }),
      to("short", { path: { type: "PathPrefix", value: "/v1" } }),
      to("long", { path: { type: "PathPrefix", value: "/v1/models/" } }),
      to("exact", { path: { type: "Exact", value: "/v1/models" } }),
    ],
  });
  const cases: Record<string, string> = {
    "/": "root",
    "/other": "root",
    "/v1": "short",
    "/v10": "root",
    "/v10/x": "regex",
    "/v1/models": "exact",
    "/v1/models/": "long",
    "/v1/models/m:predict": "long",
    "/v1/modelsx": "short",
    "/V1/models": "root",
  };
  for (const [path, name] of Object.entries(cases)) assert.equal(ask(world, `http://h${path}`), name, path);
});

test("methods, then headers, then query parameters decide between equal paths", () => {
  const world = new HandWorld();
  world.addRoute("r", {
    rules: [
      to("plain", {}),
      to("query", { queryParams: [{ name: "q", value: "1" }] }),
      to("header", { headers: [{ name: "X-Canary", value: "yes" }] }),
      to("headers", {
        headers: [
          { name: "x-canary", value: "yes" },
          { name: "v", type: "RegularExpression", value: "[0-9]+" },
        ],
      }),
      to("post", { method: "POST" }),
    ],
  });
  const yes = { "x-canary": "yes" };
  assert.equal(ask(world, "http://h/"), "plain");
  assert.equal(ask(world, "http://h/?q=1"), "query");
  assert.equal(ask(world, "http://h/?q=1", { headers: yes }), "header");
  assert.equal(ask(world, "http://h/", { headers: { ...yes, v: "12" } }), "headers");
  assert.equal(ask(world, "http://h/", { headers: { ...yes, v: "12a" } }), "header");
  assert.equal(ask(world, "http://h/", { headers: { ...yes, v: "12" }, method: "POST" }), "post");
});

test("host names: the most specific first, without regard to case or port", () => {
  const world = new HandWorld();
  world.addRoute("any", { rules: [to("any")] });
  world.addRoute("wide", { hostnames: ["*.example.com"], rules: [to("wide")] });
  world.addRoute("deep", { hostnames: ["*.a.example.com"], rules: [to("deep")] });
  world.addRoute("one", {
    hostnames: ["m.a.example.com"],
    rules: [to("one", { path: { type: "Exact", value: "/x" } })],
  });
  assert.equal(ask(world, "http://M.A.example.com:8080/x"), "one");
  assert.equal(ask(world, "http://m.a.example.com/y"), "deep");
  assert.equal(ask(world, "http://b.example.com/"), "wide");
  assert.equal(ask(world, "http://example.com/"), "any");
});

test("equal matches: the older route, then the name, then the order", () => {
  const world = new HandWorld();
  world.addRoute("b", { rules: [to("young")] }, { creationTimestamp: "2030-01-02T00:00:00Z" });
  world.addRoute("z", { rules: [to("old"), to("second")] }, { creationTimestamp: "2030-01-01T00:00:00Z" });
  world.addRoute("a", { rules: [to("young-a")] }, { creationTimestamp: "2030-01-02T00:00:00Z" });
  assert.equal(ask(world, "http://h/"), "old");
  world.routeList = world.routeList.filter(({ metadata }) => metadata.name !== "z");
  assert.equal(ask(world, "http://h/"), "young-a");
});

test("only routes that a listener lets in are served", () => {
  const world = new HandWorld();
  const [gateway] = world.gatewayList;
  assert.ok(gateway);
  world.addRoute("r", { hostnames: ["x.example.com"], rules: [to("r")] });
  const listener = gateway.spec.listeners[0];
  assert.ok(listener);
  const served = () => ask(world, "http://x.example.com/") === "r";
  assert.ok(served());
  gateway.spec.listeners = [{ ...listener, hostname: "*.example.org" }];
  assert.ok(!served());
  gateway.spec.listeners = [{ ...listener, hostname: "*.example.com" }];
  assert.ok(served());
  gateway.spec.listeners = [{ ...listener, allowedRoutes: { namespaces: { from: "Same" } } }];
  assert.ok(!served());
  const selector = { matchLabels: { team: "x" } };
  gateway.spec.listeners = [{ ...listener, allowedRoutes: { namespaces: { from: "Selector", selector } } }];
  assert.ok(!served());
  world.namespaceList = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "a", labels: { team: "x" } }, spec: {} },
  ];
  assert.ok(served());
  gateway.spec.listeners = [{ ...listener, port: 81 }];
  assert.ok(!served());
});

test("what is not honoured is named by its path", () => {
  const world = new HandWorld();
  const cases: [HttpRouteRule, RegExp][] = [
    [
      { filters: [{ type: "RequestMirror", requestMirror: {} }] },
      /^spec\.rules\[0\]\.filters\[0\]\.type: RequestMirror is not supported/,
    ],
    [{ retry: { attempts: 1 } }, /^spec\.rules\[0\]\.retry: is not supported/],
    [
      { matches: [{ path: { type: "RegularExpression", value: "(" } }] },
      /^spec\.rules\[0\]\.matches\[0\]\.path\.value: .*Unterminated group/,
    ],
    [{ matches: [{ path: { type: "RegularExpression", value: "(a)\\1" } }] }, /linear time/],
    [{ matches: [{ path: { value: "x" } }] }, /must begin with \//],
    [{ timeouts: { request: "1d" } }, /^spec\.rules\[0\]\.timeouts\.request: not a duration/],
    [
      { backendRefs: [{ name: "b", filters: [{ type: "CORS" }] }] },
      /^spec\.rules\[0\]\.backendRefs\[0\]\.filters\[0\]/,
    ],
    [
      {
        matches: [{ path: { type: "Exact", value: "/a" } }],
        filters: [
          { type: "URLRewrite", urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/" } } },
        ],
      },
      /ReplacePrefixMatch needs/,
    ],
  ];
  for (const [rule, message] of cases) {
    const result = compileRoute(world.addRoute("r", { rules: [rule] }));
    assert.ok(result instanceof UnsupportedValue);
    assert.match(result.message, message);
  }
});

test("a hostile expression takes linear time", () => {
  const world = new HandWorld();
  world.addRoute("r", { rules: [to("r", { path: { type: "RegularExpression", value: "/(a|a)*(a+a+)+b" } })] });
  const start = process.cpuUsage().user;
  assert.equal(ask(world, `http://h/${"a".repeat(4000)}`), undefined);
  // Backtracking would take longer than the universe: any bound will do.
  assert.ok(process.cpuUsage().user - start < 2_000_000);
});

test("names in common", () => {
  assert.deepEqual(commonHostnames(undefined, undefined), ["*"]);
  assert.deepEqual(commonHostnames("a.b", undefined), ["a.b"]);
  assert.deepEqual(commonHostnames("*.b", ["x.b", "b", "*.y.b", "*.c"]), ["x.b", "*.y.b"]);
  assert.deepEqual(commonHostnames("x.b", ["*.b"]), ["x.b"]);
  assert.equal(commonHostnames("x.b", ["y.b"]), undefined);
  assert.equal(hostOf("[::1]:80"), "[::1]");
  assert.deepEqual([...patternsFor("a.b.c")], ["a.b.c", "*.b.c", "*.c", "*"]);
});
