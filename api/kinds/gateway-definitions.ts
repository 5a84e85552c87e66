// The custom resource definitions of gateway.networking.k8s.io that Capstan serves.
import type { CustomResourceDefinition, JSONSchemaProps } from "../generated/apiextensions-v1.ts";
import {
  about,
  ageColumn,
  column,
  conditions,
  definitionOf,
  integer,
  keyed,
  list,
  object,
  oneOf,
  open,
  text,
  textMap,
  texts,
} from "./crd-schema.ts";
import { GatewayClasses, Gateways, gatewayGroup, HttpRoutes, ReferenceGrants } from "./gateway.ts";

// The k8s.io groups are protected: the API server wants the review that approved the schema named.
const annotations = {
  "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/3328",
  "gateway.networking.k8s.io/bundle-version": "v1.2.1",
  "gateway.networking.k8s.io/channel": "standard",
};
const categories = ["gateway-api"];

const port: JSONSchemaProps = { ...integer, minimum: 1, maximum: 65535 };
const hostname: JSONSchemaProps = {
  type: "string",
  minLength: 1,
  maxLength: 253,
  pattern: "^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
};
const name: JSONSchemaProps = { type: "string", minLength: 1, maxLength: 253 };
const namespace: JSONSchemaProps = { type: "string", minLength: 1, maxLength: 63 };
const kind: JSONSchemaProps = { type: "string", minLength: 1, maxLength: 63 };
const duration: JSONSchemaProps = { type: "string", pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$" };
const method = oneOf("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH");
const matchType: JSONSchemaProps = { ...oneOf("Exact", "RegularExpression"), default: "Exact" };
const groupKind = object({ group: { ...text, default: gatewayGroup }, kind }, ["kind"]);

const parentRef = object(
  {
    group: { ...text, default: gatewayGroup },
    kind: { ...kind, default: "Gateway" },
    namespace,
    name,
    sectionName: name,
    port,
  },
  ["name"],
);

const headers = keyed(
  object({ name: { ...text, minLength: 1, maxLength: 256 }, value: { ...text, minLength: 1, maxLength: 4096 } }, [
    "name",
    "value",
  ]),
  "name",
);
const headerModifier = object({
  set: { ...headers, maxItems: 16 },
  add: { ...headers, maxItems: 16 },
  remove: { ...texts, maxItems: 16, "x-kubernetes-list-type": "set" },
});

const pathModifier = object(
  {
    type: oneOf("ReplaceFullPath", "ReplacePrefixMatch"),
    replaceFullPath: { ...text, maxLength: 1024 },
    replacePrefixMatch: { ...text, maxLength: 1024 },
  },
  ["type"],
);

const filter = object(
  {
    type: oneOf(
      "RequestHeaderModifier",
      "ResponseHeaderModifier",
      "RequestMirror",
      "RequestRedirect",
      "URLRewrite",
      "ExtensionRef",
      "CORS",
    ),
    requestHeaderModifier: headerModifier,
    responseHeaderModifier: headerModifier,
    requestMirror: open,
    requestRedirect: object({
      scheme: oneOf("http", "https"),
      hostname,
      path: pathModifier,
      port,
      statusCode: { type: "integer", enum: [301, 302, 303, 307, 308], default: 302 },
    }),
    urlRewrite: object({ hostname, path: pathModifier }),
    cors: open,
    extensionRef: open,
  },
  ["type"],
);

const nameMatch = object(
  { type: matchType, name: { ...text, minLength: 1, maxLength: 256 }, value: { ...text, minLength: 1 } },
  ["name", "value"],
);

const match = object({
  path: {
    ...object({
      type: { ...oneOf("Exact", "PathPrefix", "RegularExpression"), default: "PathPrefix" },
      value: { type: "string", maxLength: 1024, default: "/" },
    }),
    default: { type: "PathPrefix", value: "/" },
  },
  headers: { ...keyed(nameMatch, "name"), maxItems: 16 },
  queryParams: { ...keyed(nameMatch, "name"), maxItems: 16 },
  method,
});

const backendRef = object(
  {
    group: { ...text, default: "" },
    kind: { ...kind, default: "Service" },
    namespace,
    name,
    port,
    weight: { ...integer, minimum: 0, maximum: 1_000_000, default: 1 },
    filters: list(filter, { maxItems: 16 }),
  },
  ["name"],
);

const anyPath = [{ path: { type: "PathPrefix", value: "/" } }];
const rule = object({
  name,
  matches: about("Any of them.", list(match, { maxItems: 64, default: anyPath })),
  filters: list(filter, { maxItems: 16 }),
  backendRefs: about("Services, by weight.", list(backendRef, { maxItems: 16 })),
  timeouts: object({ request: duration, backendRequest: duration }),
  retry: open,
  sessionPersistence: open,
});

const parentStatus = object({ parentRef, controllerName: text, conditions }, ["parentRef", "controllerName"]);

export const httpRouteDefinition: CustomResourceDefinition = definitionOf({
  resource: HttpRoutes,
  description: "Which HTTP requests go to which backends.",
  annotations,
  categories,
  spec: object({
    parentRefs: about(
      "The gateways, or listeners of them, that serve the route.",
      list(parentRef, { maxItems: 32, "x-kubernetes-list-type": "atomic" }),
    ),
    hostnames: about(
      "Host names of the requests; *.example.com stands for any name below.",
      list(hostname, { maxItems: 16, "x-kubernetes-list-type": "atomic" }),
    ),
    rules: about(
      "The most specific match of all routes decides.",
      list(rule, { maxItems: 16, "x-kubernetes-list-type": "atomic", default: [{ matches: anyPath }] }),
    ),
  }),
  status: object({ parents: list(parentStatus, { maxItems: 32, "x-kubernetes-list-type": "atomic" }) }, ["parents"]),
  columns: [column("Hostnames", ".spec.hostnames"), ageColumn],
});

export const gatewayClassDefinition: CustomResourceDefinition = definitionOf({
  resource: GatewayClasses,
  description: "A kind of gateway, and the controller that serves it.",
  annotations,
  categories,
  shortNames: ["gc"],
  spec: object({ controllerName: { ...text, minLength: 1, maxLength: 253 }, description: text, parametersRef: open }, [
    "controllerName",
  ]),
  status: object({ conditions, supportedFeatures: keyed(object({ name: text }, ["name"]), "name") }),
  columns: [
    column("Controller", ".spec.controllerName"),
    column("Accepted", '.status.conditions[?(@.type=="Accepted")].status'),
    ageColumn,
    column("Description", ".spec.description", { priority: 1 }),
  ],
});

const listener = object(
  {
    name,
    hostname,
    port,
    protocol: { ...text, minLength: 1, maxLength: 255 },
    tls: object({
      mode: { ...oneOf("Terminate", "Passthrough"), default: "Terminate" },
      certificateRefs: list(
        object({ group: { ...text, default: "" }, kind: { ...kind, default: "Secret" }, name, namespace }, ["name"]),
      ),
      options: textMap,
    }),
    allowedRoutes: {
      ...object({
        namespaces: {
          ...object({ from: { ...oneOf("All", "Selector", "Same", "None"), default: "Same" }, selector: open }),
          default: { from: "Same" },
        },
        kinds: list(groupKind, { maxItems: 8 }),
      }),
      default: { namespaces: { from: "Same" } },
    },
  },
  ["name", "port", "protocol"],
);

export const gatewayDefinition: CustomResourceDefinition = definitionOf({
  resource: Gateways,
  description: "Where requests enter.",
  annotations,
  categories,
  shortNames: ["gtw"],
  spec: object(
    {
      gatewayClassName: name,
      listeners: { ...keyed(listener, "name"), minItems: 1, maxItems: 64 },
      addresses: list(object({ type: { ...text, default: "IPAddress" }, value: text }), { maxItems: 16 }),
      infrastructure: open,
    },
    ["gatewayClassName", "listeners"],
  ),
  status: object({
    addresses: list(object({ type: text, value: text }, ["value"]), { maxItems: 16 }),
    conditions,
    listeners: keyed(
      object({ name, supportedKinds: list(groupKind), attachedRoutes: integer, conditions }, ["name"]),
      "name",
    ),
  }),
  columns: [
    column("Class", ".spec.gatewayClassName"),
    column("Address", ".status.addresses[*].value"),
    column("Programmed", '.status.conditions[?(@.type=="Programmed")].status'),
    ageColumn,
  ],
});

export const referenceGrantDefinition: CustomResourceDefinition = definitionOf({
  resource: ReferenceGrants,
  description: "Lets kinds of other namespaces refer to kinds of this one.",
  annotations,
  categories,
  shortNames: ["refgrant"],
  spec: object(
    {
      from: list(object({ group: text, kind, namespace }, ["group", "kind", "namespace"]), { minItems: 1 }),
      to: list(object({ group: text, kind, name }, ["group", "kind"]), { minItems: 1 }),
    },
    ["from", "to"],
  ),
  columns: [ageColumn],
});

export const gatewayDefinitions: CustomResourceDefinition[] = [
  gatewayClassDefinition,
  gatewayDefinition,
  httpRouteDefinition,
  referenceGrantDefinition,
];
