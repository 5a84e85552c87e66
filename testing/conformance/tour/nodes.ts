// Nodes: cordon, uncordon, taint, drain past what holds pods back.
import assert from "node:assert/strict";
import type { Kubectl } from "./kubectl.ts";
import { daemonSet, deployment, pod, podSpec } from "./manifests.ts";

export async function tourNodes(kubectl: Kubectl): Promise<void> {
  const name = (await kubectl.run("get nodes -o jsonpath={.items[0].metadata.name}")).trim();
  await kubectl.matches(`cordon ${name}`, new RegExp(`^node/${name} cordoned\n$`));
  await kubectl.matches(`cordon ${name}`, /already cordoned/);
  await kubectl.matches(`get node ${name}`, /Ready,SchedulingDisabled/);
  await kubectl.run("apply -f -", pod("waiting"));
  await kubectl.run("wait pod/waiting --for=condition=PodScheduled=False --timeout=20s");
  await kubectl.matches(
    "describe pod waiting",
    /FailedScheduling .* 0\/1 nodes are available: 1 node\(s\) were unschedulable/,
  );
  await kubectl.matches(`uncordon ${name}`, new RegExp(`^node/${name} uncordoned\n$`));
  await kubectl.run("wait pod/waiting --for=condition=Ready --timeout=20s");
  await kubectl.matches(`taint node ${name} tour=yes:NoSchedule`, new RegExp(`^node/${name} tainted\n$`));
  await kubectl.matches(`describe node ${name}`, /Taints: +tour=yes:NoSchedule\n/);
  await kubectl.run("apply -f -", pod("tolerates", { tolerations: [{ key: "tour", operator: "Exists" }] }));
  await kubectl.run("wait pod/tolerates --for=condition=Ready --timeout=20s");
  await kubectl.matches(`taint node ${name} tour-`, new RegExp(`^node/${name} untainted\n$`));
  await kubectl.matches(`label node ${name} tour=here`, /labeled/);
  await kubectl.matches("get nodes -L tour", /TOUR\n.* here\n/);
  await kubectl.matches(`label node ${name} tour-`, /unlabeled/);
  await tourDrain(kubectl, name);
}

async function tourDrain(kubectl: Kubectl, name: string): Promise<void> {
  await kubectl.run("delete pod waiting --wait=false");
  await kubectl.run("apply -f -", daemonSet("everywhere"));
  const scratch = { volumes: [{ name: "scratch", emptyDir: {} }] };
  await kubectl.run("apply -f -", deployment("guarded", 1, { more: { ...podSpec(), ...scratch } }));
  await kubectl.run("create poddisruptionbudget guarded --selector=app=guarded --min-available=1");
  await kubectl.run("rollout status deployment/guarded --timeout=20s");
  await kubectl.run("rollout status daemonset/everywhere --timeout=20s");
  await kubectl.run("wait pdb/guarded --for=jsonpath={.status.currentHealthy}=1 --timeout=20s");
  const selected = "--pod-selector=app";
  const refused = await kubectl.fails(`drain ${name} ${selected}`);
  assert.match(refused, /cannot delete Pods with local storage \(use --delete-emptydir-data to override\)/);
  assert.match(refused, /cannot delete DaemonSet-managed Pods \(use --ignore-daemonsets to ignore\)/);
  assert.match(refused, /declare no controller \(use --force to override\)/);
  const willing = `drain ${name} ${selected} --ignore-daemonsets --delete-emptydir-data --force`;
  const held = await kubectl.fails(`${willing} --timeout=2s`);
  assert.match(held, /Cannot evict pod as it would violate the pod's disruption budget/);
  assert.match(held, /evicting pod \S+\/tolerates/);
  await kubectl.run("delete pdb guarded");
  await kubectl.matches(
    `${willing} --timeout=20s`,
    new RegExp(`pod/guarded-\\S+ evicted\n[\\s\\S]*node/${name} drained\n`),
  );
  await kubectl.matches("get pods -l app=everywhere -o jsonpath={.items[*].status.phase}", /^Running$/);
  await kubectl.matches("get pods -l app=guarded -o jsonpath={.items[*].status.phase}", /^Pending$/);
  await kubectl.run(`uncordon ${name}`);
  await kubectl.run("rollout status deployment/guarded --timeout=20s");
  await kubectl.run("delete deployment,daemonset --all");
}
