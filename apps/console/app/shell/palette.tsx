// Go anywhere by typing: pages at once, objects as soon as they are read.
import { Pods } from "@capstan/api/generated/resources";
import { Models } from "@capstan/api/kinds/model";
import { InferenceServices } from "@capstan/api/kinds/serving";
import { Workflows } from "@capstan/api/kinds/workflow";
import type { KubeObject } from "@capstan/api/meta";
import { Input, Modal } from "antd";
import { type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useLive } from "../api/use-live.ts";
import { places } from "./navigation.tsx";

interface Goal {
  path: string;
  kind: string;
  name: string;
  namespace?: string;
}

const most = 12;

export function Palette({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Modal
      open={open}
      onCancel={onClose}
      footer={null}
      closable={false}
      destroyOnHidden
      width={560}
      className="palette"
    >
      <Finder onClose={onClose} />
    </Modal>
  );
}

function Finder({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const goals = rank(useGoals(), text).slice(0, most);
  const go = (goal: Goal | undefined) => {
    if (!goal) return;
    onClose();
    navigate(goal.path);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setChosen(Math.min(goals.length - 1, chosen + 1));
    else if (event.key === "ArrowUp") setChosen(Math.max(0, chosen - 1));
    else if (event.key === "Enter") go(goals[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <Input
        autoFocus
        size="large"
        variant="borderless"
        placeholder={t("palette.placeholder")}
        aria-label={t("palette.open")}
        aria-controls="palette-goals"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setChosen(0);
        }}
        onKeyDown={pressed}
      />
      <div id="palette-goals" className="palette-goals">
        {goals.length === 0 && <p className="faint">{t("palette.nothing")}</p>}
        {goals.map((goal, index) => (
          <button
            key={goal.path}
            type="button"
            className={index === chosen ? "goal goal-chosen" : "goal"}
            onMouseEnter={() => setChosen(index)}
            onClick={() => go(goal)}
          >
            <span className="goal-kind">{goal.kind}</span>
            <span>{goal.name}</span>
            <span className="faint">{goal.namespace}</span>
          </button>
        ))}
      </div>
      <p className="palette-hint">{t("palette.hint")}</p>
    </>
  );
}

function useGoals(): Goal[] {
  const { t } = useTranslation();
  const workflows = useLive(Workflows);
  const models = useLive(Models);
  const services = useLive(InferenceServices);
  const pods = useLive(Pods);
  const objects = (kind: string, path: string, items: KubeObject[]) =>
    items.map(({ metadata: { name, namespace } }): Goal => {
      return { kind, name, path: `${path}/${namespace}/${name}`, ...(namespace ? { namespace } : {}) };
    });
  return [
    ...places.map(({ path, name }): Goal => ({ path, kind: t("palette.pages"), name: t(`nav.${name}`) })),
    ...objects("Workflow", "/workflows", workflows.items),
    ...objects("Model", "/models", models.items),
    ...objects("Service", "/services", services.items),
    ...objects("Pod", "/pods", pods.items),
  ];
}

/** Those that contain every word, names that begin with the text first. */
function rank(goals: Goal[], text: string): Goal[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (goal: Goal) => {
    const all = `${goal.kind} ${goal.name} ${goal.namespace ?? ""}`.toLowerCase();
    return words.every((word) => all.includes(word));
  };
  const first = words[0] ?? "";
  const score = (goal: Goal) => (goal.name.toLowerCase().startsWith(first) ? 0 : 1);
  return goals.filter(holds).sort((a, b) => score(a) - score(b));
}
