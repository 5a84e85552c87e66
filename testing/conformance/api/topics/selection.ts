// Lists: pages, revisions and their match, selectors.
import type { Scenarios } from "../recording.ts";

const encode = encodeURIComponent;

export const selection: Scenarios = {
  async pages({ ask, note, namespace, unique, subject }) {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    for (const name of ["a", "b", "c", "d", "e"]) {
      await subject.send("POST", path, { body: { metadata: { name, labels: { [unique]: "x" } } } });
    }
    const first = await ask("GET", `${path}?limit=2`);
    const token = encode(first.json.metadata.continue);
    const second = await subject.send("GET", `${path}?limit=2&continue=${token}`);
    await ask(
      "GET",
      `${path}?limit=2&continue=${encode(second.json.metadata.continue)}`.split("continue")[0] as string,
    );
    for (const options of [
      "limit=0",
      "limit=-1",
      "limit=x",
      "limit=5",
      "limit=6",
      "limit=2&labelSelector=none",
      `limit=2&labelSelector=${unique}`,
      "limit=2&fieldSelector=metadata.name!=a",
      "continue=wrong",
      "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ",
      "timeoutSeconds=x",
      "timeoutSeconds=5",
    ]) {
      await ask("GET", `${path}?${options}`);
    }
    const both = await subject.send("GET", `${path}?continue=${token}&resourceVersion=5`);
    note("continue and resourceVersion", both.json);
  },
  async "revision and match"({ ask, subject, namespace, note }) {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const made = await subject.send("POST", path, { body: { metadata: { name: "a" } } });
    const revision = made.json.metadata.resourceVersion;
    await subject.send("POST", path, { body: { metadata: { name: "b" } } });
    for (const resourceVersion of [undefined, "", "0", revision, "x", "-1", "1"]) {
      for (const match of [undefined, "Exact", "NotOlderThan", "Other"]) {
        for (const limit of [undefined, "1"]) {
          // A state that may be compacted.
          if (resourceVersion === "1" && (match === "Exact" || (limit && !match))) continue;
          const given = { resourceVersion, resourceVersionMatch: match, limit };
          const query = Object.entries(given).flatMap(([name, value]) =>
            value === undefined ? [] : [`${name}=${value}`],
          );
          const { status, json } = await subject.send("GET", `${path}?${query.join("&")}`);
          const names = json.items?.map(({ metadata }: { metadata: { name: string } }) => metadata.name).join();
          note(
            query.join("&").replace(revision, "MADE"),
            names === undefined ? json : { status, names, more: json.metadata },
          );
        }
      }
    }
    await ask("GET", `${path}/a?resourceVersion=0`);
  },
  async "label selectors"({ subject, namespace, note }) {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const labels: Record<string, Record<string, string>> = {
      a: { x: "1", y: "one" },
      b: { x: "2" },
      c: { "example.com/x": "1", x: "" },
      d: {},
    };
    for (const [name, own] of Object.entries(labels)) {
      await subject.send("POST", path, { body: { metadata: { name, labels: own } } });
    }
    for (const selector of [
      "x=1",
      "x==1",
      "x!=1",
      "x",
      "!x",
      "x in (1,2)",
      "x notin (1)",
      "x in (1),y",
      "x=",
      "x in ()",
      "x>1",
      "x<2",
      "x gt 1",
      "x in (1",
      "x=1,",
      ",x=1",
      "x,,y",
      "x=1=2",
      "=1",
      "x!",
      "x in",
      "in=1",
      "notin",
      "x=a b",
      "-x",
      "x=-",
      "x/y/z=1",
      "example.com/x=1",
      "Example.com/x=1",
      "x in (,1)",
      "x in (1,)",
      "!x=1",
      "! x",
      " x = 1 ",
      "x>a",
      "x=1,x=2",
      `x=${"a".repeat(64)}`,
      `${"a".repeat(64)}=1`,
      "x===1",
      "x notin ()",
      "y notin (one,two),x",
      "x in (a,b",
      "(x)",
      "x@1",
    ]) {
      await selected(`labelSelector=${encode(selector)}`, selector);
    }
    async function selected(query: string, shown: string) {
      const { status, json } = await subject.send("GET", `${path}?${query}`);
      const names = json.items?.map(({ metadata }: { metadata: { name: string } }) => metadata.name).join();
      note(shown, names === undefined ? json : { status, names });
    }
  },
  async "field selectors"({ subject, namespace, note }) {
    for (const [resource, selector] of [
      ["configmaps", "metadata.name=a"],
      ["configmaps", "metadata.name==a"],
      ["configmaps", "metadata.name!=a"],
      ["configmaps", "metadata.namespace=other"],
      ["configmaps", "data.k=v"],
      ["configmaps", "metadata.name"],
      ["configmaps", "metadata.name=a,"],
      ["configmaps", "metadata.name=a,metadata.name=b"],
      ["configmaps", "metadata.name=a\\,b"],
      ["configmaps", "metadata.name=a\\x"],
      ["configmaps", "=a"],
      ["configmaps", "metadata.labels.x=a"],
      ["pods", "spec.nodeName="],
      ["pods", "spec.nodeName=x"],
      ["pods", "spec.restartPolicy=Always"],
      ["pods", "spec.schedulerName=default-scheduler"],
      ["pods", "spec.serviceAccountName=default"],
      ["pods", "spec.hostNetwork=false"],
      ["pods", "status.phase=Pending"],
      ["pods", "status.phase!=Pending"],
      ["pods", "status.podIP="],
      ["pods", "status.podIPs="],
      ["pods", "status.nominatedNodeName="],
      ["pods", "spec.priority=1"],
      ["secrets", "type=Opaque"],
      ["services", "spec.clusterIP=None"],
      ["services", "spec.type=ClusterIP"],
      ["events", "involvedObject.name=x"],
      ["events", "reason=x"],
      ["events", "reportingComponent=x"],
      ["events", "source=x"],
      ["events", "type=Normal"],
      ["events", "involvedObject.wrong=x"],
      ["replicationcontrollers", "status.replicas=0"],
      ["persistentvolumeclaims", "name=x"],
      ["serviceaccounts", "name=x"],
      ["endpoints", "name=x"],
      ["configmaps", "metadata.name=a=b"],
    ] as const) {
      const path = `/api/v1/namespaces/${namespace}/${resource}?fieldSelector=${encode(selector)}`;
      const { status, json } = await subject.send("GET", path);
      note(`${resource} ${selector}`, json.items ? { status, count: json.items.length } : json);
    }
    for (const [path, selector] of [
      ["/api/v1/nodes", "spec.unschedulable=false"],
      ["/api/v1/nodes", "spec.podCIDR=x"],
      ["/api/v1/namespaces", "status.phase=Terminating"],
      ["/api/v1/namespaces", "name=none"],
      ["/api/v1/persistentvolumes", "name=x"],
      ["/apis/batch/v1/jobs", "status.successful=1"],
      ["/apis/apps/v1/replicasets", "status.replicas=77"],
      ["/apis/apps/v1/deployments", "status.replicas=0"],
      ["/apis/certificates.k8s.io/v1/certificatesigningrequests", "spec.signerName=none"],
      ["/apis/events.k8s.io/v1/events", "regarding.name=x"],
      ["/apis/events.k8s.io/v1/events", "involvedObject.name=x"],
      ["/apis/batch/v1/cronjobs", "metadata.name=x"],
      ["/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", "metadata.name=x"],
      ["/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "metadata.name=x"],
      ["/apis/apiregistration.k8s.io/v1/apiservices", "metadata.name=x"],
    ] as const) {
      const { status, json } = await subject.send("GET", `${path}?fieldSelector=${encode(selector)}`);
      note(`${path} ${selector}`, json.items ? { status, count: json.items.length } : json);
    }
  },
};
