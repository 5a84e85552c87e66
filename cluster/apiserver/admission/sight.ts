import type { Attributes, Equivalent, View } from "../request.ts";
import { type Rule, ruleMatches } from "./matching.ts";

/** How a webhook or a policy sees a write. */
export interface Sight {
  /** In another version than the client wrote. */
  as?: Equivalent;
}

/** Undefined when no rule is about the write. @param wanted without a `matchPolicy`: Equivalent. */
export function matchRules(
  view: View,
  { rules = [], matchPolicy }: { rules?: readonly Rule[] | undefined; matchPolicy?: string | undefined },
  attributes: Attributes,
): Sight | undefined {
  if (rules.some((rule) => ruleMatches(rule, attributes))) return {};
  if (matchPolicy === "Exact" || rules.length === 0) return undefined;
  const as = view
    .equivalents?.(attributes.info)
    .find((other) => rules.some((rule) => ruleMatches(rule, renamed(attributes, other))));
  return as && { as };
}

/** The write as one of another version, with its objects as they are. */
function renamed(attributes: Attributes, { resource: other }: Equivalent): Attributes {
  const { group, version, resource } = other;
  return { ...attributes, info: { ...attributes.info, group, version, resource } };
}

/** Whether the write carries the resource itself, not what a subresource such as scale speaks. */
export const isOfItsKind = ({ info }: Attributes): boolean => info.subresource === "" || info.subresource === "status";

/** The write as it is seen: a copy where that is another version. */
export async function seenBy({ as }: Sight, attributes: Attributes): Promise<Attributes> {
  if (!as) return attributes;
  const seen = renamed(attributes, as);
  if (!isOfItsKind(attributes)) return seen;
  const { object, oldObject } = attributes;
  const { group, version, kind } = as.resource;
  seen.kind = { group, version, kind };
  if (object) seen.object = await as.convert(object);
  if (oldObject) seen.oldObject = await as.convert(oldObject);
  return seen;
}
