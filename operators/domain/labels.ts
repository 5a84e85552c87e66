// The labels by which Kuscia's objects know each other. Source: secretflow/kuscia pkg/common.
export const domainLabel = "kuscia.secretflow/domain-name";
export const roleLabel = "kuscia.secretflow/role";
export const protocolsLabel = "kuscia.secretflow/interconn-protocols";
export const deletedLabel = "kuscia.secretflow/deleted";
/** On a Node: the Domain that it works for. */
export const nodeLabel = "kuscia.secretflow/namespace";
