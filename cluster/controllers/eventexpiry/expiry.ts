import { Events } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";

/** How long events are kept, in milliseconds. Source: kube-apiserver's --event-ttl. */
const keep = 3_600_000;

/** Deletes events an hour after they happened last. */
export function createEventExpiry(context: ControllerContext): Controller {
  const { log, now } = openWorkshop(context, "event-expiry-controller");
  const { client, informers } = context;
  const events = informers.informer(Events);
  return createController({
    name: "event-expiry-controller",
    informers,
    log,
    workers: 1,
    sources: [{ resource: Events, when: ({ type }) => type !== "DELETED" }],
    async reconcile(ref) {
      const event = events.get(ref);
      if (!event) return undefined;
      const { lastTimestamp, eventTime, series, metadata } = event;
      const times = [lastTimestamp, eventTime, series?.lastObservedTime, metadata.creationTimestamp];
      const last = Math.max(0, ...times.map((time) => Date.parse(time ?? "")).filter((time) => !Number.isNaN(time)));
      const left = last + keep - now();
      if (left > 0) return { requeueAfter: left };
      try {
        await client.delete(Events, ref);
      } catch (error) {
        if (!isReason(error, "NotFound")) throw error;
      }
      return undefined;
    },
  });
}
