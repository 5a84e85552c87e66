import { ArchivedWorkflows } from "@capstan/api/kinds/records";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { StatusError } from "@capstan/api/meta";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { client } from "../../api/client.ts";
import { Page } from "../../ui/page.tsx";
import { Phase } from "../../ui/phase.tsx";
import { Failure, Loading } from "../../ui/states.tsx";
import { Duration } from "../../ui/time.tsx";
import { useNodes } from "../workflows/node-map.ts";
import { WorkflowBody } from "../workflows/workflow-page.tsx";

/** A workflow as it was when it ended. */
export function ArchivedPage() {
  const { t } = useTranslation();
  const { namespace = "", uid = "" } = useParams();
  const { data, error } = useQuery({
    queryKey: ["archived", namespace, uid],
    queryFn: () => client.get(ArchivedWorkflows, { namespace, name: uid }),
    retry: false,
  });
  const name = data?.summary.workflow ?? uid;
  const title = (
    <>
      <Link to="/history">{t("history.title")} / </Link>
      {name}
    </>
  );
  const aside = data && (
    <>
      <Phase phase={data.summary.phase} />
      <Duration from={data.summary.startedAt} to={data.summary.finishedAt} />
    </>
  );
  return (
    <Page full name={name} title={title} aside={aside}>
      {error ? (
        <Failure error={StatusError.from(error)} />
      ) : data?.workflow ? (
        <Body workflow={data.workflow} />
      ) : (
        <Loading />
      )}
    </Page>
  );
}

function Body({ workflow }: { workflow: Workflow }) {
  return <WorkflowBody workflow={workflow} nodes={useNodes(workflow)} />;
}
