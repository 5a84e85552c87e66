import type { KubeObject } from "@capstan/api/meta";
import { useEffect, useMemo, useState } from "react";
import { patientImport } from "../api/patient.ts";
import { CopyButton } from "./facts.tsx";
import { Loading } from "./states.tsx";

/** An object as YAML, without the bookkeeping of field managers. The YAML library is loaded with the first view. */
export function YamlView({ object }: { object: KubeObject }) {
  const [stringify, setStringify] = useState<(value: unknown) => string>();
  useEffect(() => {
    void patientImport(() => import("yaml")).then((yaml) => {
      setStringify(() => (value: unknown) => yaml.stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }));
    });
  }, []);
  const text = useMemo(() => stringify?.(tidy(object)), [stringify, object]);
  if (text === undefined) return <Loading />;
  return (
    <div className="code yaml">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>
        {text.split("\n").map((line, index) => (
          <YamlLine key={index} line={line} />
        ))}
      </pre>
      <CopyButton text={text} />
    </div>
  );
}

function YamlLine({ line }: { line: string }) {
  const match = /^(\s*(?:- )*)([^\s:#"'][^:]*|"[^"]*"):( .*|)$/.exec(line);
  if (!match) return <>{`${line}\n`}</>;
  const [, indent = "", key = "", value = ""] = match;
  return (
    <>
      {indent}
      <span className="yaml-key">{key}</span>
      {`:${value}\n`}
    </>
  );
}

function tidy({ apiVersion, kind, metadata, ...rest }: KubeObject): unknown {
  const { managedFields: _, ...shown } = metadata;
  return { apiVersion, kind, metadata: shown, ...rest };
}
