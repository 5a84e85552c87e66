// Times as people read them: relative, ticking together, exact on hover.
import { Tooltip } from "antd";
import { useSyncExternalStore } from "react";
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
  if (!at) return <span className="faint">–</span>;
  return (
    <time dateTime={at} className="moment">
      {localTime(new Date(at))}
    </time>
  );
}

/** The order of ISO 8601 in the reader's time zone: the same in every language, and sortable. */
function localTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}

function Exactly({ time, children }: { time: string; children: React.ReactNode }) {
  return <Tooltip title={<Moment at={time} />}>{children}</Tooltip>;
}
