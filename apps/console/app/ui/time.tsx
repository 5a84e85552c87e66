// Times as people read them: relative, ticking together, exact on hover.
import { Tooltip } from "antd";
import { useSyncExternalStore } from "react";
import { usePreferences } from "../theme/preferences.tsx";
import { compactDuration } from "./duration.ts";

const listeners = new Set<() => void>();
let now = Date.now();
let clock: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  clock ??= setInterval(() => {
    now = Date.now();
    for (const tick of listeners) tick();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(clock);
    clock = undefined;
  };
}

/** The present, to the second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

export function Age({ since }: { since: string | null | undefined }) {
  const present = useNow();
  if (!since) return <span className="faint">–</span>;
  return (
    <Exactly time={since}>
      <time dateTime={since} className="number">
        {compactDuration(Math.max(0, Math.max(present, Date.now()) - Date.parse(since)))}
      </time>
    </Exactly>
  );
}

/** From start to end; to now while there is no end. */
export function Duration({ from, to }: { from: string | null | undefined; to?: string | null | undefined }) {
  if (!from) return <span className="faint">–</span>;
  if (!to) return <Age since={from} />;
  return <span className="number">{compactDuration(Math.max(0, Date.parse(to) - Date.parse(from)))}</span>;
}

export function Moment({ at }: { at: string | null | undefined }) {
  const { language } = usePreferences();
  if (!at) return <span className="faint">–</span>;
  const text = new Date(at).toLocaleString(language === "zh" ? "zh-CN" : "en-GB", { hour12: false });
  return (
    <time dateTime={at} className="number">
      {text}
    </time>
  );
}

function Exactly({ time, children }: { time: string; children: React.ReactNode }) {
  return <Tooltip title={<Moment at={time} />}>{children}</Tooltip>;
}
