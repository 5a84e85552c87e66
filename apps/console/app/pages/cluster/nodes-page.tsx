import type { Node, Pod } from "@capstan/api/generated/core-v1";
import { Nodes, Pods } from "@capstan/api/generated/resources";
import { isQuantity, parseQuantity } from "@capstan/api/meta";
import { Drawer, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLive } from "../../api/use-live.ts";
import { byName, LiveTable } from "../../ui/live-table.tsx";
import { Liveness, Page } from "../../ui/page.tsx";
import { State } from "../../ui/phase.tsx";
import { Share } from "../../ui/share.tsx";
import { Empty } from "../../ui/states.tsx";
import { Age } from "../../ui/time.tsx";
import { YamlView } from "../../ui/yaml-view.tsx";

const rolePrefix = "node-role.kubernetes.io/";

export function NodesPage() {
  const { t } = useTranslation();
  const live = useLive(Nodes);
  const pods = useLive(Pods);
  const [open, setOpen] = useState<string>();
  const selected = live.items.find((node) => node.metadata.name === open);
  const columns: TableColumnsType<Node> = [
    {
      title: t("common.name"),
      render: (_, node) => (
        <button type="button" className="link name" onClick={() => setOpen(node.metadata.name)}>
          {node.metadata.name}
        </button>
      ),
    },
    { title: t("common.status"), render: (_, node) => <Readiness node={node} /> },
    { title: t("cluster.roles"), render: (_, node) => rolesOf(node) },
    { title: t("cluster.pods"), render: (_, node) => <Requested node={node} pods={pods.items} resource="pods" /> },
    { title: t("cluster.cpu"), render: (_, node) => <Requested node={node} pods={pods.items} resource="cpu" /> },
    { title: t("cluster.memory"), render: (_, node) => <Requested node={node} pods={pods.items} resource="memory" /> },
    {
      title: t("cluster.version"),
      render: (_, { status }) => <span className="mono">{status?.nodeInfo?.kubeletVersion}</span>,
    },
    { title: t("cluster.os"), render: (_, { status }) => status?.nodeInfo?.osImage },
    { title: t("common.age"), align: "right", render: (_, node) => <Age since={node.metadata.creationTimestamp} /> },
  ];
  return (
    <Page name={t("cluster.nodes")} title={t("cluster.nodes")} aside={<Liveness of={live} />}>
      <LiveTable
        live={live}
        shown={byName(live.items)}
        columns={columns}
        onOpen={(node) => setOpen(node.metadata.name)}
        empty={<Empty title={t("cluster.emptyNodes")} />}
      />
      <Drawer open={selected !== undefined} onClose={() => setOpen(undefined)} title={open} size={720}>
        {selected && <YamlView object={selected} />}
      </Drawer>
    </Page>
  );
}

function Readiness({ node }: { node: Node }) {
  const { t } = useTranslation();
  const ready = node.status?.conditions?.find((c) => c.type === "Ready")?.status === "True";
  return <State tone={ready ? "good" : "bad"}>{ready ? t("common.ready") : t("common.notReady")}</State>;
}

function rolesOf(node: Node): string {
  const labels = Object.keys(node.metadata.labels ?? {});
  const roles = labels.filter((key) => key.startsWith(rolePrefix)).map((key) => key.slice(rolePrefix.length));
  return roles.join(", ") || "–";
}

/** What the pods on a node ask for, of what it has to give. */
function Requested({ node, pods, resource }: { node: Node; pods: Pod[]; resource: "pods" | "cpu" | "memory" }) {
  const hard = quantity(node.status?.allocatable?.[resource]);
  const there = pods.filter((pod) => pod.spec?.nodeName === node.metadata.name && !isOver(pod));
  const used = resource === "pods" ? there.length : there.reduce((sum, pod) => sum + requestOf(pod, resource), 0);
  return <Share used={used} hard={hard} unit={resource === "memory" ? "bytes" : "plain"} />;
}

const isOver = (pod: Pod) => pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";

function requestOf(pod: Pod, resource: string): number {
  return (pod.spec?.containers ?? []).reduce((sum, c) => sum + quantity(c.resources?.requests?.[resource]), 0);
}

function quantity(text: string | undefined): number {
  return text !== undefined && isQuantity(text) ? parseQuantity(text) : 0;
}
