import type { PersistentVolume, PersistentVolumeClaim } from "@capstan/api/generated/core-v1";
import { PersistentVolumeClaims, PersistentVolumes } from "@capstan/api/generated/resources";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { writeStatus } from "../status.ts";

/** Keeps the phase of volumes: Available, Bound to a claim, or Released when the claim is gone. */
export function createVolumeController(context: ControllerContext): Controller {
  const workshop = openWorkshop(context, "persistentvolume-controller");
  const { informers } = context;
  const claims = informers.informer(PersistentVolumeClaims);
  const volumes = informers.informer(PersistentVolumes);
  return createController({
    name: "persistentvolume-phase-controller",
    informers,
    log: workshop.log,
    sources: [
      { resource: PersistentVolumes },
      {
        resource: PersistentVolumeClaims,
        keys: (claim) => {
          const { namespace, name } = claim.metadata;
          const reserved = volumes.list().filter(({ spec }) => {
            return spec?.claimRef?.name === name && spec?.claimRef?.namespace === namespace;
          });
          return reserved.map(({ metadata }) => ({ name: metadata.name }));
        },
      },
    ],
    async reconcile(ref, signal) {
      const volume = volumes.get(ref);
      if (!volume) return;
      const { namespace = "", name = "", uid } = volume.spec?.claimRef ?? {};
      const claim = name ? claims.get({ namespace, name }) : undefined;
      const phase = phaseOf(volume, uid, claim);
      if (phase === volume.status?.phase) return;
      const status = { ...volume.status, phase, lastPhaseTransitionTime: workshop.timestamp() };
      await writeStatus(workshop, PersistentVolumes, volumes, volume, status, signal);
    },
  });
}

function phaseOf(
  { spec, status }: PersistentVolume,
  uid: string | undefined,
  claim: PersistentVolumeClaim | undefined,
): string {
  if (status?.phase === "Failed") return "Failed";
  if (!spec?.claimRef || !uid) return "Available";
  return claim?.metadata.uid === uid ? "Bound" : "Released";
}
