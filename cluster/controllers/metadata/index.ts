// All kinds that the server has, custom ones too, each as a live copy of its objects' metadata.
export { type DiscoveredKind, discoverKinds } from "./discovery.ts";
export { createMetadataStore, type MetadataChange, type MetadataStore } from "./store.ts";
