// State in one glance: a mark whose shape and colour both differ, and the word.
import { useTranslation } from "react-i18next";

export type Tone = "good" | "busy" | "warn" | "bad" | "idle";

const tones: Record<string, Tone> = {
  Succeeded: "good",
  Ready: "good",
  Active: "good",
  Available: "good",
  Bound: "good",
  Completed: "good",
  Running: "busy",
  Terminating: "warn",
  NotReady: "bad",
  Missing: "bad",
  Failed: "bad",
  Error: "bad",
  Pending: "idle",
  Skipped: "idle",
  Omitted: "idle",
  Planned: "idle",
};

export function toneOf(phase: string): Tone {
  return tones[phase] ?? (/(Err|Fail|BackOff|Kill|Evict|Invalid)/.test(phase) ? "bad" : "idle");
}

/** A pod that runs is well; a step that runs is busy. */
export function Mark({ tone, phase }: { tone: Tone; phase?: string }) {
  return (
    <svg
      className={`mark tone-${tone}`}
      data-phase={phase}
      viewBox="0 0 16 16"
      width="14"
      height="14"
      aria-hidden="true"
    >
      {shapes(tone, phase)}
    </svg>
  );
}

function shapes(tone: Tone, phase: string | undefined) {
  if (phase === "Skipped" || phase === "Omitted") {
    return <path d="M3 8h10" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />;
  }
  switch (tone) {
    case "good":
      return (
        <>
          <circle cx="8" cy="8" r="7" fill="currentColor" />
          <path className="cut" d="m4.8 8.3 2.2 2.2 4.2-4.7" />
        </>
      );
    case "bad":
      return (
        <>
          <circle cx="8" cy="8" r="7" fill="currentColor" />
          <path className="cut" d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2" />
        </>
      );
    case "warn":
      return (
        <>
          <path d="M8 1 15.5 14.5H.5z" fill="currentColor" />
          <path className="cut" d="M8 6v4m0 2v.1" />
        </>
      );
    case "busy":
      return (
        <>
          <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeOpacity=".28" strokeWidth="2" />
          <path className="spin" d="M8 2a6 6 0 0 1 6 6" fill="none" stroke="currentColor" strokeWidth="2" />
        </>
      );
    case "idle":
      return (
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.6" strokeDasharray="2.6 2.1" />
      );
  }
}

export function State({ tone, children, phase }: { tone: Tone; children: React.ReactNode; phase?: string }) {
  return (
    <span className={`state tone-${tone}`}>
      <Mark tone={tone} phase={phase} />
      {children}
    </span>
  );
}

const workflowPhases = ["Pending", "Running", "Succeeded", "Failed", "Error", "Skipped", "Omitted", "Planned"] as const;

/** Of a workflow or one of its nodes. */
export function Phase({ phase }: { phase: string | undefined }) {
  const { t } = useTranslation();
  const shown = phase || "Pending";
  const known = workflowPhases.find((p) => p === shown);
  return (
    <State tone={toneOf(shown)} phase={shown}>
      {known ? t(`workflows.phases.${known}`) : shown}
    </State>
  );
}
