// The console in a real browser, before a real API server, gateway and model server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Domains } from "@capstan/api/kinds/domain";
import { Workflows } from "@capstan/api/kinds/workflow";
import type { Page } from "playwright-core";
import { type Running, runConsole } from "../console/run.ts";
import { offencesOf } from "./accessibility.ts";
import { chromiumMissing, openChromium, type Session } from "./chromium.ts";

const skip = chromiumMissing() ?? false;

let running: Running;
let chromium: Session;
before(async () => {
  if (skip) return;
  running = await runConsole();
  chromium = await openChromium();
});
after(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await running?.[Symbol.asyncDispose]();
});

async function signIn(page: Page): Promise<void> {
  await page.goto(`${running.url}/login#token=${await running.login()}`);
  await page.getByRole("heading", { level: 1, name: /Workflows|工作流/ }).waitFor();
}

test("from the login to a prediction", { skip }, async () => {
  const { page, complaints } = await chromium.open();
  await signIn(page);
  await page.getByRole("link", { name: "penguins-8k2pq" }).click();
  await page.locator(".step", { hasText: "gbdt" }).click();
  await page.getByRole("tab", { name: "Logs" }).click();
  await page.getByRole("log").getByText("stopped early").waitFor();
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  assert.match((await saved).suggestedFilename(), /^penguins-8k2pq-gbdt-\d+-main\.log$/);
  await page.locator(".step", { hasText: "evaluate" }).click();
  const matrix = page.getByRole("img", { name: /Adelie: Adelie 30/ });
  await matrix.waitFor();
  await page.getByText("98.6%").waitFor();
  await page.getByRole("link", { name: "Services" }).click();
  await page.getByRole("link", { name: "islands" }).click();
  await page.getByLabel("island").fill("Biscoe");
  await page.getByLabel("mass").fill("5200");
  await page.getByRole("button", { name: "Predict" }).click();
  await page.locator(".prediction-label", { hasText: "Gentoo" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("what is over is found in the archive, and an artifact leads to what it came from", { skip }, async () => {
  const { page, complaints } = await chromium.open();
  await signIn(page);
  await page.getByRole("link", { name: "History" }).click();
  await page.getByRole("link", { name: "penguins-5dq8w" }).waitFor();
  await page.getByLabel("Filter by name").fill("8k2");
  await page.getByRole("link", { name: "penguins-5dq8w" }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "penguins-8k2pq" }).click();
  await page.locator(".step", { hasText: "gbdt" }).waitFor();
  await page.goto(`${running.url}/lineage/quickstart?of=penguins-8k2pq/gbdt&direction=up`);
  // The picture may be fitted into the page between the look for a step and the click.
  const source = page.getByRole("link", { name: "file:datasets/penguins.csv" });
  for (let seen = false; !seen; ) {
    await page.locator(".step", { hasText: "read-file" }).click();
    seen = await source.waitFor({ timeout: 2000 }).then(
      () => true,
      () => false,
    );
  }
  await source.click();
  await page.locator(".step", { hasText: "register" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("what changes in the cluster changes on the page", { skip }, async () => {
  const { client } = running.cluster;
  const { page } = await chromium.open();
  await signIn(page);
  const row = page.getByRole("row", { name: /penguins-zt4rn/ });
  await row.getByText("Running").waitFor();
  const ref = { namespace: "quickstart", name: "penguins-zt4rn" };
  await client.patch(Workflows, ref, {
    type: "merge",
    body: { status: { phase: "Failed", message: "out of memory" } },
  });
  await row.getByText("Failed").waitFor();
  await row.getByText("out of memory").waitFor();
  await client.delete(Workflows, ref);
  await row.waitFor({ state: "detached" });
});

test("a template runs with the parameters that were given", { skip }, async () => {
  const { page } = await chromium.open();
  await signIn(page);
  await page.getByRole("link", { name: "Templates" }).click();
  await page.waitForURL(/\/templates$/);
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByLabel("rounds").fill("120");
  await page.locator(".drawer-foot").getByRole("button", { name: "Run" }).click();
  await page.getByText("Give a value").waitFor();
  await page.getByLabel("note").fill("from the browser");
  await page.locator(".drawer-foot").getByRole("button", { name: "Run" }).click();
  await page.waitForURL(/\/workflows\/quickstart\/penguins-/);
  const name = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  const made = await running.cluster.client.get(Workflows, { namespace: "quickstart", name });
  assert.deepEqual(made.spec.arguments?.parameters, [
    { name: "rounds", value: "120" },
    { name: "note", value: "from the browser" },
  ]);
  assert.deepEqual(made.spec.workflowTemplateRef, { name: "penguins" });
});

test("a domain is created, and one that exists is refused with the API's reason", { skip }, async () => {
  const { page } = await chromium.open();
  await signIn(page);
  await page.getByRole("link", { name: "Domains" }).click();
  for (const expected of ["made", "refused"]) {
    await page.goto(`${running.url}/domains`);
    await page.getByRole("button", { name: "Create a domain" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Name").fill("fraud-team");
    await form.getByLabel("Memory").fill("4Gi");
    await form.getByRole("button", { name: "Create" }).click();
    if (expected === "made") await page.waitForURL(/\/domains\/fraud-team/);
    else await form.getByText("AlreadyExists", { exact: true }).waitFor();
  }
  const made = await running.cluster.client.get(Domains, { name: "fraud-team" });
  assert.deepEqual(made.spec, { resourceQuota: { memory: "4Gi" } });
});

test("whoever has few rights sees why, and gets no button that would be refused", { skip }, async () => {
  const { page } = await chromium.open();
  const { stdout } = await running.cluster.kubectl(["create", "token", "ana", "--namespace", "risk-lab"]);
  await page.goto(`${running.url}/login`);
  await page.getByLabel("Bearer token").fill(stdout.trim());
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("No workflows yet").waitFor();
  assert.equal(await page.getByRole("combobox", { name: "Namespace" }).isVisible(), true);
  for (const button of await page.getByRole("button", { name: "Run a template" }).all())
    assert.ok(await button.isDisabled());
  await page.getByRole("link", { name: "Pods" }).click();
  await page.getByText("You may not see this").waitFor();
  await page.getByText("403 Forbidden").waitFor();
  await page.getByText(/cannot (list|watch) resource "pods"/).waitFor();
});

test("a link that was used says how to get another, and a wrong token why it is refused", { skip }, async () => {
  const { page } = await chromium.open();
  const token = await running.login();
  await page.goto(`${running.url}/login#token=${token}`);
  await page.getByRole("heading", { name: "Workflows" }).waitFor();
  const { page: other } = await chromium.open();
  await other.goto(`${running.url}/login#token=${token}`);
  await other.getByText("This link no longer works").waitFor();
  await other.getByLabel("Bearer token").fill("nonsense");
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.getByText("the cluster does not accept this token").waitFor();
});

test("the keyboard alone finds a workflow and a step", { skip }, async () => {
  const { page } = await chromium.open();
  await signIn(page);
  await page.keyboard.press("Control+k");
  // Keys go to whatever has the focus: until the field has it, they are somebody else's.
  await page.locator("input[aria-controls=palette-goals]:focus").waitFor();
  await page.keyboard.type("8k2pq");
  await page.locator(".goal-chosen", { hasText: "penguins-8k2pq" }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/penguins-8k2pq$/);
  const step = page.getByLabel("impute, Succeeded");
  await step.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 2, name: "impute" }).waitFor();
});

test("a page whose parts did not arrive loads itself again", { skip }, async () => {
  const { page } = await chromium.open();
  let dropped = 0;
  await page.route("**/assets/react-*.js", (route) => {
    dropped += 1;
    return dropped > 2 ? route.continue() : route.abort();
  });
  await signIn(page);
  assert.equal(dropped, 3);
});

test("a page's code that does not arrive at first is asked for again, and said when it never comes", {
  skip,
}, async () => {
  const { page } = await chromium.open();
  await signIn(page);
  let dropped = 0;
  await page.route("**/assets/models-page-*.js", (route) => {
    dropped += 1;
    return dropped === 2 ? route.continue() : route.abort();
  });
  await page.getByRole("link", { name: "Models" }).click();
  await page.getByRole("link", { name: "islands" }).first().waitFor();
  await page.route("**/assets/events-page-*.js", (route) => route.abort());
  await page.getByRole("link", { name: "Events" }).click();
  await page.getByRole("heading", { name: "This page failed" }).waitFor();
  await page.unroute("**/assets/events-page-*.js");
  await page.getByRole("button", { name: "Load it again" }).click();
  await page.getByRole("heading", { name: "Events" }).waitFor();
});

const pages = [
  "/workflows",
  "/workflows/quickstart/penguins-8k2pq",
  "/workflows/quickstart/penguins-8k2pq?view=table",
  "/history",
  "/lineage/quickstart?of=penguins-8k2pq/gbdt",
  "/templates?template=penguins",
  "/models/quickstart/penguins",
  "/services",
  "/services/quickstart/penguins",
  "/services/quickstart/churn",
  "/domains/risk-lab",
  "/pods",
  "/nodes",
  "/events",
];

for (const look of [
  { theme: "light", language: "en" },
  { theme: "dark", language: "zh" },
] as const) {
  test(`every page has names, landmarks and contrast: ${look.theme}, ${look.language}`, { skip }, async () => {
    const { page, complaints } = await chromium.open(look);
    await page.goto(`${running.url}/login`);
    await page.getByRole("button", { name: look.language === "en" ? "Sign in" : "登录" }).waitFor();
    assert.deepEqual(await offencesOf(page), []);
    await signIn(page);
    for (const path of pages) {
      await page.goto(running.url + path);
      await page.locator("table, .step, form").first().waitFor();
      assert.deepEqual(await offencesOf(page), [], path);
    }
    assert.deepEqual(complaints, []);
  });
}
