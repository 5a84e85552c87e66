// Tables of every kind, and the other forms an answer may take.
import type { Loose } from "../exchange.ts";
import type { Scenarios } from "../recording.ts";
import { groupVersions, rootOf } from "./discovery.ts";

export const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io";
const partialList = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
const partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";

export const tables: Scenarios = {
  async "columns of every kind"(asking) {
    const { subject, note, unique } = asking;
    for (const groupVersion of await groupVersions(asking)) {
      const { json } = await subject.send("GET", rootOf(groupVersion));
      for (const { name, verbs } of json.resources) {
        if (!verbs.includes("list")) continue;
        const path = `${rootOf(groupVersion)}/${name}?labelSelector=none=${unique}`;
        const table = await subject.send("GET", path, { accept: tableType });
        const columns = table.json.columnDefinitions?.map((column: Loose) =>
          [column.name, column.type, column.format, column.priority].join(),
        );
        note(`${groupVersion} ${name}`, columns ?? table.json);
      }
    }
  },
  async forms({ ask, namespace }) {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    await ask("POST", path, { body: { metadata: { name: "a", labels: { x: "y" } }, data: { k: "v" } } });
    for (const accept of [
      tableType,
      partial,
      partialList,
      `${tableType},application/json`,
      "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
      "application/json;as=Nothing;v=v1;g=meta.k8s.io,application/json",
      "application/json;as=Nothing;v=v1;g=meta.k8s.io",
      "application/yaml",
      "text/html",
      "text/html, */*",
      "application/*",
    ]) {
      await ask("GET", `${path}/a`, { accept });
      await ask("GET", `${path}?fieldSelector=metadata.name=a`, { accept });
    }
    await ask("GET", `${path}?fieldSelector=metadata.name=a&includeObject=Object`, { accept: tableType });
    await ask("GET", `${path}?fieldSelector=metadata.name=a&includeObject=None`, { accept: tableType });
    await ask("GET", `${path}?fieldSelector=metadata.name=a&includeObject=Wrong`, { accept: tableType });
    await ask("POST", path, { body: { metadata: { name: "b" } }, accept: tableType });
    await ask("DELETE", `${path}/b`, { accept: tableType });
    await ask("DELETE", `${path}/a`, { accept: partial });
    await ask("GET", `${path}/none`, { accept: tableType });
    await ask("POST", path, { body: "<a/>", type: "text/xml" });
    await ask("POST", path, { body: { metadata: { name: "c" } }, type: "application/json; charset=utf-8" });
    await ask("POST", path, { body: "metadata:\n  name: d\n", type: "application/yaml" });
    await ask("POST", path, { body: "metadata:\n  name: e\n", type: "application/yaml", accept: "application/yaml" });
    await ask("PATCH", `${path}/c`, { body: {}, type: "application/json" });
    await ask("PATCH", `${path}/c`, { body: {}, type: "text/plain" });
  },
};
