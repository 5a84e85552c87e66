import assert from "node:assert/strict";
import { test } from "node:test";
import { HandWorld } from "@capstan/testing/gateway";
import { gatewayStatus, routeStatus } from "./status.ts";

const shown = (conditions: { type: string; status: string; reason: string }[] = []) =>
  conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);

test("a route says whether it is accepted and its backends are there", () => {
  const world = new HandWorld();
  world.addService("s", []);
  world.addService("s", [], "b");
  const rules = (backendRefs: object[]) => [{ backendRefs: backendRefs as { name: string }[] }];
  const cases: [object, string[]][] = [
    [{ rules: rules([{ name: "s", port: 80 }]) }, ["Accepted=True Accepted", "ResolvedRefs=True ResolvedRefs"]],
    [{ rules: rules([{ name: "none", port: 80 }]) }, ["Accepted=True Accepted", "ResolvedRefs=False BackendNotFound"]],
    [{ rules: rules([{ name: "s", port: 81 }]) }, ["Accepted=True Accepted", "ResolvedRefs=False BackendNotFound"]],
    [{ rules: rules([{ name: "s", kind: "Pod" }]) }, ["Accepted=True Accepted", "ResolvedRefs=False InvalidKind"]],
    [
      { rules: rules([{ name: "s", namespace: "b", port: 80 }]) },
      ["Accepted=True Accepted", "ResolvedRefs=False RefNotPermitted"],
    ],
    [{ rules: [{ retry: {} }] }, ["Accepted=False UnsupportedValue", "ResolvedRefs=True ResolvedRefs"]],
    [
      { parentRefs: [{ namespace: "capstan-system", name: "capstan", sectionName: "x" }] },
      ["Accepted=False NoMatchingParent", "ResolvedRefs=True ResolvedRefs"],
    ],
  ];
  for (const [spec, expected] of cases) {
    const { parents } = routeStatus(world.addRoute("r", spec), world, world.port);
    assert.deepEqual(shown(parents[0]?.conditions), expected);
    assert.equal(parents[0]?.conditions[0]?.observedGeneration, 1);
  }
  assert.deepEqual(
    routeStatus(world.addRoute("r", { parentRefs: [{ name: "other" }] }), world, world.port).parents,
    [],
  );
});

test("a grant opens a namespace's services to routes of another", () => {
  const world = new HandWorld();
  world.addService("s", [], "b");
  const route = world.addRoute("r", { rules: [{ backendRefs: [{ name: "s", namespace: "b", port: 80 }] }] });
  const resolved = () => routeStatus(route, world, world.port).parents[0]?.conditions[1]?.status;
  const grant = (name: string | undefined, namespace: string) => {
    const from = [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace }];
    const to = [{ group: "", kind: "Service", ...(name ? { name } : {}) }];
    world.grantList = [
      { apiVersion: "", kind: "ReferenceGrant", metadata: { name: "g", namespace: "b" }, spec: { from, to } },
    ];
  };
  grant(undefined, "a");
  assert.equal(resolved(), "True");
  grant("s", "a");
  assert.equal(resolved(), "True");
  grant("other", "a");
  assert.equal(resolved(), "False");
  grant("s", "c");
  assert.equal(resolved(), "False");
});

test("statuses of other controllers stay, and times stand while nothing changes", () => {
  const world = new HandWorld();
  const route = world.addRoute("r", {});
  const other = { parentRef: { name: "x" }, controllerName: "example.com/x", conditions: [] };
  const first = routeStatus({ ...route, status: { parents: [other] } }, world, world.port);
  assert.deepEqual(first.parents[0], other);
  const lastTransitionTime = "2001-01-01T00:00:00Z";
  for (const parent of first.parents)
    for (const condition of parent.conditions) condition.lastTransitionTime = lastTransitionTime;
  assert.deepEqual(routeStatus({ ...route, status: first }, world, world.port), first);
});

test("a gateway says which of its listeners work", () => {
  const world = new HandWorld();
  const [gateway] = world.gatewayList;
  assert.ok(gateway);
  world.addRoute("r", {});
  const at = { host: "127.0.0.1", port: world.port };
  const good = gatewayStatus(gateway, world, at);
  assert.deepEqual(shown(good.conditions), ["Accepted=True Accepted", "Programmed=True Programmed"]);
  assert.deepEqual(good.addresses, [{ type: "IPAddress", value: "127.0.0.1" }]);
  assert.equal(good.listeners?.[0]?.attachedRoutes, 1);
  const [listener] = gateway.spec.listeners;
  assert.ok(listener);
  const kinds = [{ kind: "TCPRoute" }];
  gateway.spec.listeners = [
    { ...listener, name: "tls", protocol: "HTTPS" },
    { ...listener, name: "other", port: 1 },
    listener,
    { ...listener, name: "twin" },
    { ...listener, name: "tcp", hostname: "x", allowedRoutes: { kinds } },
  ];
  const mixed = gatewayStatus(gateway, world, at);
  assert.deepEqual(shown(mixed.conditions), ["Accepted=True ListenersNotValid", "Programmed=True Programmed"]);
  assert.deepEqual(
    mixed.listeners?.map(({ conditions }) => shown(conditions)[0]),
    [
      "Accepted=False UnsupportedProtocol",
      "Accepted=False PortUnavailable",
      "Accepted=True Accepted",
      "Accepted=True Accepted",
      "Accepted=True Accepted",
    ],
  );
  assert.equal(shown(mixed.listeners?.[3]?.conditions)[1], "Conflicted=True HostnameConflict");
  assert.equal(shown(mixed.listeners?.[4]?.conditions)[2], "ResolvedRefs=False InvalidRouteKinds");
  assert.deepEqual(mixed.listeners?.[4]?.supportedKinds, []);
});
