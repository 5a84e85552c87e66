import { Namespaces, ResourceQuotas, RoleBindings } from "@capstan/api/generated/resources";
import { type Domain, Domains } from "@capstan/api/kinds/domain";
import { StatusError } from "@capstan/api/meta";
import { App, Button, Tabs } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { useMay } from "../../api/access.ts";
import { client } from "../../api/client.ts";
import { useLive, useLiveObject } from "../../api/use-live.ts";
import { usePreferences } from "../../theme/preferences.tsx";
import { Facts, Section } from "../../ui/facts.tsx";
import { Liveness, Page } from "../../ui/page.tsx";
import { State } from "../../ui/phase.tsx";
import { Share } from "../../ui/share.tsx";
import { Failure, Loading, Missing } from "../../ui/states.tsx";
import { Age, Moment } from "../../ui/time.tsx";
import { YamlView } from "../../ui/yaml-view.tsx";
import { limitsOf, namespaceState, quotaOf } from "./domain-facts.ts";

export function DomainPage() {
  const { t } = useTranslation();
  const { name = "" } = useParams();
  const live = useLiveObject(Domains, { name });
  const domain = live.object;
  const title = (
    <>
      <Link to="/domains">{t("domains.title")} / </Link>
      {name}
    </>
  );
  const yaml = domain && { key: "yaml", label: t("common.yaml"), children: <YamlView object={domain} /> };
  return (
    <Page
      name={name}
      title={title}
      aside={<Liveness of={live} />}
      actions={domain && <DomainActions domain={domain} />}
    >
      {live.state === "failed" && live.error ? (
        <Failure error={live.error} />
      ) : domain && yaml ? (
        <Tabs items={[{ key: "details", label: t("cluster.details"), children: <Details domain={domain} /> }, yaml]} />
      ) : live.state === "loading" ? (
        <Loading />
      ) : (
        <Missing what={`Domain ${name}`} />
      )}
    </Page>
  );
}

function DomainActions({ domain }: { domain: Domain }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { modal, notification } = App.useApp();
  const { setNamespace } = usePreferences();
  const { name } = domain.metadata;
  const mayDelete = useMay({ verb: "delete", resource: Domains, name });
  const remove = async () => {
    try {
      await client.delete(Domains, { name });
      navigate("/domains");
    } catch (thrown) {
      const error = StatusError.from(thrown);
      notification.error({ title: `${t("common.failed")}: ${error.reason}`, description: error.message });
    }
  };
  const ask = () => {
    const title = t("domains.deleteConfirm", { name });
    void modal.confirm({ title, okText: t("common.delete"), okButtonProps: { danger: true }, onOk: remove });
  };
  const look = () => {
    setNamespace(name);
    navigate("/workflows");
  };
  return (
    <>
      <Button onClick={look}>{t("domains.use")}</Button>
      <Button danger disabled={!mayDelete} onClick={ask}>
        {t("common.delete")}
      </Button>
    </>
  );
}

function Details({ domain }: { domain: Domain }) {
  const { t } = useTranslation();
  const { name } = domain.metadata;
  const namespace = useLiveObject(Namespaces, { name }).object;
  const quotas = useLive(ResourceQuotas, { namespace: name }).items;
  const { tone, word } = namespaceState(namespace);
  return (
    <div className="columns">
      <div>
        <Section title={t("cluster.details")}>
          <Facts
            of={[
              [t("domains.role"), t(domain.spec.role === "partner" ? "domains.partner" : "domains.inner")],
              [
                t("domains.namespaceState"),
                <State key="state" tone={tone}>
                  {word}
                </State>,
              ],
              [t("common.created"), <Moment key="at" at={domain.metadata.creationTimestamp} />],
            ]}
          />
        </Section>
        <Section title={t("domains.quota")}>
          <Facts
            of={limitsOf(quotaOf(domain, quotas)).map((limit) => [
              t(`cluster.${limit.resource}`),
              limit.hard ? <Share {...limit} /> : <span className="faint">{t("common.unlimited")}</span>,
            ])}
          />
        </Section>
      </div>
      <div>
        <Members namespace={name} />
        <Section title={t("domains.nodes")}>
          <DomainNodes domain={domain} />
        </Section>
      </div>
    </div>
  );
}

/** Whoever a RoleBinding of the namespace names. */
function Members({ namespace }: { namespace: string }) {
  const { t } = useTranslation();
  const bindings = useLive(RoleBindings, { namespace });
  const members = bindings.items.flatMap((binding) =>
    (binding.subjects ?? []).map((subject) => ({
      subject,
      role: binding.roleRef,
      key: `${binding.metadata.name}/${subject.kind}/${subject.name}`,
    })),
  );
  return (
    <Section title={t("domains.members")} aside={members.length || undefined}>
      {bindings.state === "failed" && bindings.error ? (
        <p className="faint">{bindings.error.message}</p>
      ) : members.length === 0 ? (
        <p className="faint">{t("domains.noMembers")}</p>
      ) : (
        <table className="plain-table">
          <thead>
            <tr>
              <th>{t("domains.subject")}</th>
              <th>{t("domains.grants")}</th>
            </tr>
          </thead>
          <tbody>
            {members.map(({ subject, role, key }) => (
              <tr key={key}>
                <td>
                  <span className="faint">{subject.kind} </span>
                  <span className="name">{subject.name}</span>
                </td>
                <td className="mono soft">
                  {role.kind}/{role.name}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}

function DomainNodes({ domain }: { domain: Domain }) {
  const { t } = useTranslation();
  const nodes = domain.status?.nodeStatuses ?? [];
  if (nodes.length === 0) return <p className="faint">{t("domains.noNodes")}</p>;
  return (
    <table className="plain-table">
      <thead>
        <tr>
          <th>{t("common.name")}</th>
          <th>{t("common.status")}</th>
          <th>{t("common.version")}</th>
          <th className="right">{t("domains.heartbeat")}</th>
        </tr>
      </thead>
      <tbody>
        {nodes.map((node) => (
          <tr key={node.name}>
            <td className="name">{node.name}</td>
            <td>
              <State tone={node.status === "Ready" ? "good" : "bad"}>
                {node.status === "Ready" ? t("common.ready") : t("common.notReady")}
              </State>
            </td>
            <td className="mono soft">{node.version}</td>
            <td className="right">
              <Age since={node.lastHeartbeatTime} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
