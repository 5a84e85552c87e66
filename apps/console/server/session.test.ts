import assert from "node:assert/strict";
import { test } from "node:test";
import { createSessions } from "./session.ts";

const secret = new Uint8Array(32).fill(7);
const principal = { name: "ana", groups: ["system:authenticated"] };
const cookieOf = ({ cookie }: { cookie: string }) => ({ headers: { cookie: cookie.split(";", 1)[0] as string } });

test("a session is who it was begun for, after a restart too", () => {
  const begun = createSessions({ secret, lifetime: 1000 }).begin({ principal, token: "t0k3n" });
  assert.match(begun.cookie, /; HttpOnly; SameSite=Strict$/);
  const session = createSessions({ secret, lifetime: 1000 }).of(cookieOf(begun));
  assert.deepEqual([session?.principal, session?.token], [principal, "t0k3n"]);
});

test("a cookie is found among others", () => {
  const sessions = createSessions({ secret, lifetime: 1000 });
  const { headers } = cookieOf(sessions.begin({ principal }));
  assert.equal(sessions.of({ headers: { cookie: `a=b; ${headers.cookie}; c=d` } })?.principal.name, "ana");
  assert.equal(sessions.of({ headers: {} }), undefined);
});

test("a session ends with its time", () => {
  let now = 1_000_000;
  const sessions = createSessions({ secret, lifetime: 1000, now: () => now });
  const cookie = cookieOf(sessions.begin({ principal }));
  now += 999;
  assert.ok(sessions.of(cookie));
  now += 1;
  assert.equal(sessions.of(cookie), undefined);
});

test("a session that was ended is refused, and others are not", () => {
  const sessions = createSessions({ secret, lifetime: 1000 });
  const one = cookieOf(sessions.begin({ principal }));
  const other = cookieOf(sessions.begin({ principal }));
  assert.match(sessions.end(sessions.of(one)), /Max-Age=0/);
  assert.equal(sessions.of(one), undefined);
  assert.ok(sessions.of(other));
});

test("a cookie of another key, a changed one and nonsense are no session", () => {
  const sessions = createSessions({ secret, lifetime: 1000 });
  const { cookie } = cookieOf(sessions.begin({ principal })).headers;
  const name = cookie.split("=", 1)[0] as string;
  const foreign = createSessions({ secret: new Uint8Array(32).fill(8), lifetime: 1000 }).begin({ principal });
  const renamed = cookieOf(foreign).headers.cookie.replace(/^[^=]+/, name);
  assert.equal(sessions.of({ headers: { cookie: renamed } }), undefined);
  const flipped = cookie.slice(0, -4) + (cookie.at(-4) === "A" ? "B" : "A") + cookie.slice(-3);
  assert.equal(sessions.of({ headers: { cookie: flipped } }), undefined);
  assert.equal(sessions.of({ headers: { cookie: `${name}=AAAA` } }), undefined);
});

test("the cookie alone proves nothing: the key has to come with it", () => {
  const sessions = createSessions({ secret, lifetime: 1000 });
  const begun = sessions.begin({ principal });
  const other = sessions.begin({ principal });
  assert.equal(sessions.proved(cookieOf(begun), begun.key)?.principal.name, "ana");
  for (const key of [undefined, "", "1", other.key]) assert.equal(sessions.proved(cookieOf(begun), key), undefined);
});

test("two instances on one machine do not overwrite each other's cookie", () => {
  const name = (fill: number) =>
    createSessions({ secret: new Uint8Array(32).fill(fill), lifetime: 1 }).begin({ principal });
  assert.notEqual(name(1).cookie.split("=", 1)[0], name(2).cookie.split("=", 1)[0]);
});

test("a short secret is refused", () => {
  assert.throws(() => createSessions({ secret: new Uint8Array(16), lifetime: 1 }), /fewer than 32 bytes/);
});
