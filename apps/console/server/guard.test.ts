import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpRequest } from "@capstan/base/http";
import { refusal } from "./guard.ts";

const signal = new AbortController().signal;
const own = { host: "127.0.0.1:7070" };
const request = (method: string, headers: Record<string, string>): HttpRequest => ({
  method,
  url: "/",
  headers,
  signal,
});

const cases: [what: string, request: HttpRequest, status: number | undefined][] = [
  ["a read by address", request("GET", own), undefined],
  ["a read by name", request("GET", { host: "localhost:7070" }), undefined],
  ["a read by IPv6", request("GET", { host: "[::1]:7070" }), undefined],
  ["another name that resolves to loopback", request("GET", { host: "evil.example:7070" }), 421],
  ["a name that begins like loopback", request("GET", { host: "127.0.0.1.evil.example" }), 421],
  ["no Host", request("GET", {}), 421],
  ["a write of this app", request("POST", { ...own, "x-capstan-console": "1" }), undefined],
  ["a write without the header", request("POST", own), 403],
  [
    "a write of another origin",
    request("POST", { ...own, "x-capstan-console": "1", origin: "http://evil.example" }),
    403,
  ],
  [
    "a write of another port",
    request("POST", { ...own, "x-capstan-console": "1", origin: "http://127.0.0.1:9999" }),
    403,
  ],
  ["a sandboxed page", request("POST", { ...own, "x-capstan-console": "1", origin: "null" }), 403],
  ["a read that another site's page makes", request("GET", { ...own, "sec-fetch-site": "cross-site" }), 403],
  ["a read of another port's page", request("GET", { ...own, "sec-fetch-site": "same-site" }), 403],
  [
    "a link on another site",
    request("GET", { ...own, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }),
    undefined,
  ],
  [
    "a form on another site",
    request("POST", { ...own, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }),
    403,
  ],
];

for (const [what, asked, status] of cases) {
  test(`${what}: ${status ?? "passes"}`, () => assert.equal(refusal(asked, [])?.status, status));
}

test("a name that the server was given is its own", () => {
  assert.equal(refusal(request("GET", { host: "console.example:8443" }), ["console.example:8443"]), undefined);
});
