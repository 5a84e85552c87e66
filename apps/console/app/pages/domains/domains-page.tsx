import { PlusOutlined } from "@ant-design/icons";
import { Namespaces, ResourceQuotas } from "@capstan/api/generated/resources";
import { type Domain, Domains } from "@capstan/api/kinds/domain";
import { Button, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMay } from "../../api/access.ts";
import { useLive } from "../../api/use-live.ts";
import { byName, LiveTable, nameColumn } from "../../ui/live-table.tsx";
import { Liveness, NameFilter, Page } from "../../ui/page.tsx";
import { State } from "../../ui/phase.tsx";
import { Share } from "../../ui/share.tsx";
import { Empty } from "../../ui/states.tsx";
import { Age } from "../../ui/time.tsx";
import { CreateDomain } from "./create-domain.tsx";
import { limitsOf, namespaceState, quotaOf } from "./domain-facts.ts";

const domainHref = (domain: Domain) => `/domains/${domain.metadata.name}`;

export function DomainsPage() {
  const { t } = useTranslation();
  const [filter, setFilter] = useState("");
  const [creating, setCreating] = useState(false);
  const live = useLive(Domains);
  const mayCreate = useMay({ verb: "create", resource: Domains });
  const shown = byName(live.items.filter((domain) => domain.metadata.name.includes(filter.trim())));
  const columns = useColumns();
  const create = (
    <Button type="primary" icon={<PlusOutlined />} disabled={!mayCreate} onClick={() => setCreating(true)}>
      {t("domains.create")}
    </Button>
  );
  return (
    <Page
      name={t("domains.title")}
      title={t("domains.title")}
      aside={<Liveness of={live} />}
      actions={create}
      toolbar={<NameFilter value={filter} onChange={setFilter} />}
    >
      <LiveTable
        live={live}
        shown={shown}
        columns={columns}
        href={domainHref}
        onClearFilter={() => setFilter("")}
        empty={<Empty title={t("domains.empty")} hint={t("domains.emptyHint")} action={create} />}
      />
      {creating && <CreateDomain onClose={() => setCreating(false)} />}
    </Page>
  );
}

function useColumns(): TableColumnsType<Domain> {
  const { t } = useTranslation();
  const namespaces = useLive(Namespaces).items;
  const quotas = useLive(ResourceQuotas).items;
  return [
    nameColumn<Domain>(t("common.name"), domainHref),
    {
      title: t("domains.namespaceState"),
      render: (_, { metadata }) => {
        const { tone, word } = namespaceState(namespaces.find((n) => n.metadata.name === metadata.name));
        return <State tone={tone}>{word}</State>;
      },
    },
    {
      title: t("domains.role"),
      render: (_, { spec }) => t(spec.role === "partner" ? "domains.partner" : "domains.inner"),
    },
    ...(["pods", "cpu", "memory"] as const).map((resource) => ({
      title: t(`cluster.${resource}`),
      key: resource,
      render: (_: unknown, domain: Domain) => {
        const limit = limitsOf(quotaOf(domain, quotas)).find((l) => l.resource === resource);
        return limit?.hard ? <Share {...limit} /> : <span className="faint">{t("common.unlimited")}</span>;
      },
    })),
    { title: t("domains.nodes"), render: (_, domain) => <NodeCount domain={domain} /> },
    { title: t("common.age"), align: "right", render: (_, { metadata }) => <Age since={metadata.creationTimestamp} /> },
  ];
}

function NodeCount({ domain }: { domain: Domain }) {
  const nodes = domain.status?.nodeStatuses ?? [];
  const ready = nodes.filter((node) => node.status === "Ready").length;
  if (nodes.length === 0) return <span className="faint">–</span>;
  return (
    <State tone={ready === nodes.length ? "good" : "bad"}>
      <span className="number">
        {ready}/{nodes.length}
      </span>
    </State>
  );
}
