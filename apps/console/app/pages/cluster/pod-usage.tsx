// What a running pod uses now: processor and memory by container, network and disk where the reader may ask the node.
import type { Pod } from "@capstan/api/generated/core-v1";
import { isReason, parseQuantity } from "@capstan/api/meta";
import { readText } from "@capstan/core/client";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { client } from "../../api/client.ts";
import { Section } from "../../ui/facts.tsx";
import { formatBytes } from "../../ui/share.tsx";

interface ContainerUsage {
  name: string;
  usage: { cpu: string; memory: string };
}

/** Of the node's /stats/summary. */
interface PodSummary {
  podRef: { uid: string };
  network?: { rxBytes?: number; txBytes?: number };
  "ephemeral-storage"?: { usedBytes?: number };
}

interface Usage {
  containers: ContainerUsage[];
  summary?: PodSummary;
}

/** Neither number can be watched: the node is asked as often as `kubectl top` has news. */
const refetchInterval = 10_000;

export function PodUsage({ pod }: { pod: Pod }) {
  const { t } = useTranslation();
  const { uid } = pod.metadata;
  const { data } = useQuery({ queryKey: ["usage", uid], queryFn: () => readUsage(pod), refetchInterval, retry: false });
  if (!data) return null;
  const { network, "ephemeral-storage": disk } = data.summary ?? {};
  return (
    <Section title={t("cluster.usage")}>
      <table className="plain-table">
        <thead>
          <tr>
            <th>{t("common.name")}</th>
            <th className="right">{t("domains.cpu")}</th>
            <th className="right">{t("cluster.memory")}</th>
          </tr>
        </thead>
        <tbody>
          {data.containers.map(({ name, usage }) => (
            <tr key={name}>
              <td>{name}</td>
              <td className="right number">{parseQuantity(usage.cpu).toFixed(3)}</td>
              <td className="right number">{formatBytes(parseQuantity(usage.memory))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {network && (
        <p className="faint">
          {t("cluster.traffic", {
            received: formatBytes(network.rxBytes ?? 0),
            sent: formatBytes(network.txBytes ?? 0),
          })}
        </p>
      )}
      {disk?.usedBytes !== undefined && (
        <p className="faint">{t("cluster.disk", { used: formatBytes(disk.usedBytes) })}</p>
      )}
    </Section>
  );
}

/** Null while there are no numbers: the pod has just begun, or has ended. */
async function readUsage({ metadata, spec }: Pod): Promise<Usage | null> {
  const { namespace = "", name, uid } = metadata;
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods/${name}`;
  const metrics = await read<{ containers: ContainerUsage[] }>(path);
  if (!metrics) return null;
  const all = await read<{ pods?: PodSummary[] }>(`/api/v1/nodes/${spec?.nodeName}/proxy/stats/summary`);
  const summary = all?.pods?.find(({ podRef }) => podRef.uid === uid);
  return { containers: metrics.containers, ...(summary ? { summary } : {}) };
}

async function read<T>(url: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readText(await client.request({ method: "GET", url }))) as T;
  } catch (error) {
    if (isReason(error, "NotFound", "Forbidden", "ServiceUnavailable")) return undefined;
    throw error;
  }
}
