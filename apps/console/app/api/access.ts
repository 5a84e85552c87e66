// May I? Asked of the API itself, so that a button is there exactly when the server would obey it.
import type { SelfSubjectAccessReview } from "@capstan/api/generated/authorization-v1";
import type { Resource } from "@capstan/api/meta";
import { useQuery } from "@tanstack/react-query";
import { client } from "./client.ts";

const reviews: Resource<SelfSubjectAccessReview> = {
  group: "authorization.k8s.io",
  version: "v1",
  resource: "selfsubjectaccessreviews",
  kind: "SelfSubjectAccessReview",
  namespaced: false,
};

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";

export interface Question {
  verb: Verb;
  resource: Resource;
  namespace?: string;
  name?: string;
  subresource?: string;
}

/** False until the answer is there: nothing flashes up that then goes away. */
export function useMay({ verb, resource, namespace, name, subresource }: Question): boolean {
  const attributes = {
    verb,
    group: resource.group,
    resource: resource.resource,
    ...(namespace ? { namespace } : {}),
    ...(name ? { name } : {}),
    ...(subresource ? { subresource } : {}),
  };
  const { data } = useQuery({
    queryKey: ["may", attributes],
    staleTime: 60_000,
    queryFn: async () => {
      const review = await client.create(reviews, {
        metadata: {},
        spec: { resourceAttributes: attributes },
      });
      return review.status?.allowed ?? false;
    },
  });
  return data ?? false;
}
