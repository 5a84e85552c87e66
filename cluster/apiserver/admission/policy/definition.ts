// Refuses expressions that do not compile when they are written, by the field that holds them.
import type {
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
} from "@capstan/api/generated/admissionregistration-v1";
import type { StatusCause } from "@capstan/api/generated/meta-v1";
import { invalid, type KubeObject } from "@capstan/api/meta";
import type { Attributes } from "../../request.ts";
import { commonNames, conditionNames, expressionCause, type Name } from "./conditions.ts";

export function checkExpressions({ info, kind, name, object }: Attributes): void {
  if (info.group !== "admissionregistration.k8s.io" || info.subresource !== "" || !object) return;
  const causes = info.resource === "validatingadmissionpolicies" ? policyCauses(object) : webhookCauses(object);
  if (causes.length > 0) throw invalid({ group: kind.group, kind: kind.kind }, name, causes);
}

function policyCauses(object: KubeObject): StatusCause[] {
  const { spec } = object as ValidatingAdmissionPolicy;
  const params: Name[] = spec.paramKind ? ["params"] : [];
  const conditions = [...conditionNames, ...params];
  const all: Name[] = [...conditions, "variables"];
  const worded: Name[] = [...commonNames, ...params, "variables"];
  return [
    ...(spec.variables ?? []).flatMap(({ expression }, i) =>
      expressionCause(`spec.variables[${i}].expression`, expression, all),
    ),
    ...(spec.matchConditions ?? []).flatMap(({ expression }, i) =>
      expressionCause(`spec.matchConditions[${i}].expression`, expression, conditions, ["bool"]),
    ),
    ...(spec.validations ?? []).flatMap(({ expression, messageExpression }, i) => [
      ...expressionCause(`spec.validations[${i}].expression`, expression, all, ["bool"]),
      ...expressionCause(`spec.validations[${i}].messageExpression`, messageExpression, worded, ["string"]),
    ]),
    ...(spec.auditAnnotations ?? []).flatMap(({ valueExpression }, i) =>
      expressionCause(`spec.auditAnnotations[${i}].valueExpression`, valueExpression, worded, ["string", "null"]),
    ),
  ];
}

function webhookCauses(object: KubeObject): StatusCause[] {
  const { webhooks = [] } = object as MutatingWebhookConfiguration;
  return webhooks.flatMap(({ matchConditions = [] }, w) =>
    matchConditions.flatMap(({ expression }, i) =>
      expressionCause(`webhooks[${w}].matchConditions[${i}].expression`, expression, conditionNames, ["bool"]),
    ),
  );
}
