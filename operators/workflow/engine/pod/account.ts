// The account as which the executor reports, where it is another one than the step's.
import type { Volume, VolumeMount } from "@capstan/api/generated/core-v1";
import type { Template } from "@capstan/api/kinds/workflow";
import { ExpressionError } from "../../expressions/index.ts";
import type { Run } from "../run.ts";

const name = "exec-sa-token";
const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The executor's own token: a pod cannot ask for one of another account than its own, so it lies in a Secret
 * `<account>.service-account-token`. Source: argo-workflows docs/service-account-secrets.md.
 * @throws ExpressionError where it would have none at all.
 */
export function executorToken(run: Run, template: Template): { volumes: Volume[]; mounts: VolumeMount[] } {
  const account = template.executor?.serviceAccountName || run.spec.executor?.serviceAccountName;
  if (account) {
    const secretName = `${account}.service-account-token`;
    return { volumes: [{ name, secret: { secretName } }], mounts: [{ name, mountPath, readOnly: true }] };
  }
  if ((template.automountServiceAccountToken ?? run.spec.automountServiceAccountToken) === false)
    throw new ExpressionError("executor.serviceAccountName must not be empty if automountServiceAccountToken is false");
  return { volumes: [], mounts: [] };
}
