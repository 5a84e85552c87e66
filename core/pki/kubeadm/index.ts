// The certificates of a control plane that kubeadm made: how long they live, and new ones in their place.
export { daysLeft, type Entry, readInventory } from "./inventory.ts";
export { planRenewal, type Renewal, renewCertificates } from "./renewal.ts";
export { resumeReplacement } from "./transaction.ts";
