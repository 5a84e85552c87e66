import type { Artifact, Outputs, Parameter } from "@capstan/api/kinds/workflow";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Code, Section } from "../../ui/facts.tsx";
import { lineageHref } from "../history/lineage-href.ts";

interface InputsOutputsProps {
  of: Outputs | undefined;
  brief?: boolean;
  /** Artifacts lead to their lineage there. */
  namespace?: string | undefined;
}

/** Parameters and artifacts that went into or came out of a step. @param brief leaves out what there is none of. */
export function InputsOutputs({ of, brief, namespace }: InputsOutputsProps) {
  const { t } = useTranslation();
  const parameters = of?.parameters ?? [];
  const artifacts = of?.artifacts ?? [];
  return (
    <>
      {(!brief || parameters.length > 0) && (
        <Section title={t("node.parameters")} aside={parameters.length || undefined}>
          {parameters.length === 0 && <p className="faint">{t("node.noParameters")}</p>}
          {parameters.map((parameter) => (
            <ParameterValue key={parameter.name} parameter={parameter} />
          ))}
        </Section>
      )}
      {of?.result !== undefined && (
        <Section title={t("node.result")}>
          <Code wrap>{of.result}</Code>
        </Section>
      )}
      {(!brief || artifacts.length > 0) && (
        <Section title={t("node.artifacts")} aside={artifacts.length || undefined}>
          {artifacts.length === 0 && <p className="faint">{t("node.noParameters")}</p>}
          {artifacts.length > 0 && <Artifacts of={artifacts} namespace={namespace} />}
        </Section>
      )}
    </>
  );
}

const longValue = 48;

function ParameterValue({ parameter }: { parameter: Parameter }) {
  const text = pretty(String(parameter.value ?? parameter.default ?? ""));
  if (text.length <= longValue && !text.includes("\n")) {
    return (
      <div className="parameter">
        <span className="faint">{parameter.name}</span>
        <code>{text === "" ? "–" : text}</code>
      </div>
    );
  }
  return (
    <div className="parameter parameter-long">
      <span className="faint">{parameter.name}</span>
      <div className="io-value">
        <Code wrap>{text}</Code>
      </div>
    </div>
  );
}

/** JSON with line breaks; anything else as it is. */
function pretty(text: string): string {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Text that begins like JSON and is none.
    return text;
  }
}

function Artifacts({ of, namespace }: { of: Artifact[]; namespace: string | undefined }) {
  const { t } = useTranslation();
  return (
    <table className="plain-table">
      <thead>
        <tr>
          <th>{t("common.name")}</th>
          <th>{t("node.key")}</th>
        </tr>
      </thead>
      <tbody>
        {of.map((artifact) => (
          <tr key={artifact.name}>
            <td className="name">{artifact.name}</td>
            <td className="mono soft">
              {placeOf(artifact)}
              {artifact.digest && namespace && (
                <>
                  <br />
                  <Link to={lineageHref(namespace, artifact.digest.replace(/#.*/s, ""))} title={t("history.trace")}>
                    {artifact.digest.slice(0, 19)}
                  </Link>
                </>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function placeOf(artifact: Artifact): string {
  const { file, s3, http, git, raw, path } = artifact;
  if (raw) return raw.data.length > 120 ? `${raw.data.slice(0, 120)}…` : raw.data;
  return file?.key ?? s3?.key ?? http?.url ?? git?.repo ?? path ?? "–";
}
