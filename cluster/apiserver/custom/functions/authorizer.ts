// Questions to the authorizer. Source: apiserver's library.Authz and library.AuthzSelectors.
import type { Principal } from "@capstan/base/http";
import { serviceAccountName } from "../../authentication/groups.ts";
import type { Access, Authorizer as Authorize } from "../../authorization/access.ts";
import { isDnsLabel, isSubdomain } from "../../metadata.ts";
import type { Library } from "./define.ts";

type Ask = (access: Omit<Access, "principal">) => Decision;

const nowhere: Omit<Access, "principal" | "isResource" | "verb"> = {
  path: "",
  group: "",
  version: "*",
  resource: "",
  subresource: "",
  namespace: "",
  name: "",
};

/** The `authorizer` of expressions: asks what somebody may do. */
export class Authorizer {
  readonly #authorize: Authorize;
  readonly #ask: Ask;
  /** What a request is about. */
  readonly requestResource?: ResourceCheck;

  constructor(authorize: Authorize, principal: Principal, request?: Resource) {
    this.#authorize = authorize;
    this.#ask = (access) => new Decision(authorize({ ...access, principal }));
    if (request) this.requestResource = new ResourceCheck(this.#ask, request);
  }
  path(path: string): PathCheck {
    if (path.trim() === "") throw new Error("path must not be empty");
    return new PathCheck(this.#ask, path);
  }
  group(group: string): GroupCheck {
    return new GroupCheck(this.#ask, group);
  }
  serviceAccount(namespace: string, name: string): Authorizer {
    if (!isSubdomain(name)) throw new Error("Invalid service account name");
    if (!isDnsLabel(namespace)) throw new Error("Invalid service account namespace");
    const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
    return new Authorizer(this.#authorize, { name: serviceAccountName(namespace, name), groups });
  }
}

class PathCheck {
  readonly #ask: Ask;
  readonly #path: string;
  constructor(ask: Ask, path: string) {
    this.#ask = ask;
    this.#path = path;
  }
  check(verb: string): Decision {
    return this.#ask({ ...nowhere, isResource: false, verb, path: this.#path });
  }
}

class GroupCheck {
  readonly #ask: Ask;
  readonly #group: string;
  constructor(ask: Ask, group: string) {
    this.#ask = ask;
    this.#group = group;
  }
  resource(resource: string): ResourceCheck {
    if (resource.trim() === "") throw new Error("resource must not be empty");
    return new ResourceCheck(this.#ask, { group: this.#group, resource, subresource: "", namespace: "", name: "" });
  }
}

export type Resource = Pick<Access, "group" | "resource" | "subresource" | "namespace" | "name">;

class ResourceCheck {
  readonly #ask: Ask;
  readonly #of: Resource;
  constructor(ask: Ask, of: Resource) {
    this.#ask = ask;
    this.#of = of;
  }
  with(part: Partial<Resource>): ResourceCheck {
    return new ResourceCheck(this.#ask, { ...this.#of, ...part });
  }
  check(verb: string): Decision {
    return this.#ask({ ...nowhere, ...this.#of, isResource: true, verb });
  }
}

class Decision {
  readonly allowed: boolean;
  readonly reason: string;
  constructor({ allowed, reason = "" }: { allowed: boolean; reason?: string }) {
    this.allowed = allowed;
    this.reason = reason;
  }
}

/** Nothing here decides by selectors: they narrow a question without changing its answer. */
export function addAuthorizer({ define, type }: Library): void {
  const types = { Authorizer, PathCheck, GroupCheck, ResourceCheck, Decision };
  for (const [name, of] of Object.entries(types)) type(name, of as new (...values: never[]) => object);
  define("Authorizer.path(string): PathCheck", (authorizer: Authorizer, path: string) => authorizer.path(path));
  define("Authorizer.group(string): GroupCheck", (authorizer: Authorizer, group: string) => authorizer.group(group));
  define(
    "Authorizer.serviceAccount(string, string): Authorizer",
    (authorizer: Authorizer, namespace: string, name: string) => authorizer.serviceAccount(namespace, name),
  );
  define("GroupCheck.resource(string): ResourceCheck", (check: GroupCheck, resource: string) =>
    check.resource(resource),
  );
  for (const part of ["subresource", "namespace", "name"] as const)
    define(`ResourceCheck.${part}(string): ResourceCheck`, (check: ResourceCheck, value: string) =>
      check.with({ [part]: value }),
    );
  for (const selector of ["fieldSelector", "labelSelector"])
    define(`ResourceCheck.${selector}(string): ResourceCheck`, (check: ResourceCheck) => check);
  for (const check of ["PathCheck", "ResourceCheck"])
    define(`${check}.check(string): Decision`, (of: PathCheck | ResourceCheck, verb: string) => of.check(verb));
  define("Decision.allowed(): bool", (decision: Decision) => decision.allowed);
  define("Decision.reason(): string", (decision: Decision) => decision.reason);
  // The authorizers here always come to a decision.
  define("Decision.errored(): bool", () => false);
  define("Decision.error(): string", () => "");
}
