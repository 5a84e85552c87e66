/** The release of Kubernetes whose API is served and whose agent the nodes speak for: that of the generated kinds. */
export const release = "v1.34.1";
