/** The page of what an artifact (by digest or location) or a step (`workflow/step`) came from. */
export const lineageHref = (namespace: string, of: string) =>
  `/lineage/${namespace}?${new URLSearchParams({ of, direction: "both" })}`;
