// Names that Kubernetes gives to kinds of callers. Source: apiserver's authentication/user package.
export const anonymous = "system:anonymous";
export const unauthenticated = "system:unauthenticated";
export const authenticated = "system:authenticated";
export const masters = "system:masters";
export const serviceAccounts = "system:serviceaccounts";

export function serviceAccountName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** Adds the group of everybody whom the server knows. */
export function withAuthenticated(groups: readonly string[]): string[] {
  return groups.includes(authenticated) ? [...groups] : [...groups, authenticated];
}
