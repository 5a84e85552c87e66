import { Services } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import type { Objects } from "./objects.ts";
import type { Registry } from "./registry.ts";
import type { View } from "./request.ts";
import { firstAddress, type ServiceAddresses } from "./service-addresses.ts";

/**
 * Gives Services whose address lies outside of the range one inside of it, the API server's own the first. A data
 * directory that was restored or moved may find its range taken, and addresses of another cluster would lead there.
 */
export async function readdress(
  { registry, objects, view }: { registry: Registry; objects: Objects; view: View },
  addresses: ServiceAddresses,
  cidr: string,
): Promise<void> {
  const kind = registry.find(Services);
  if (!kind) return;
  for (const { spec, metadata } of [...view.list(Services)]) {
    if (!spec?.clusterIP || spec.clusterIP === "None" || addresses.holds(spec.clusterIP)) continue;
    const own = metadata.name === "kubernetes" && metadata.namespace === "default";
    const address = own ? firstAddress(cidr) : addresses.nextAddress();
    if (!address) throw new StatusError("InternalError", `the range ${cidr} has no address left for ${metadata.name}`);
    const { namespace = "", name } = metadata;
    const record = objects.require(kind, { namespace, name });
    const service = objects.read(kind, record) as { spec?: object } & ReturnType<Objects["read"]>;
    service.spec = { ...service.spec, clusterIP: address, clusterIPs: [address] };
    await objects.replace(kind, service, record.revision);
  }
}
