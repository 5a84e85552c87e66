// The quickstart as its first reader sees it: a whole Capstan, watched in a browser from its first step to a prediction.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createOneTimeLogin } from "@capstan/console/server";
import type { Page } from "playwright-core";
import { startInstance, untilOutput } from "../platform/instance.ts";
import { offencesOf } from "./accessibility.ts";
import { chromiumMissing, openChromium } from "./chromium.ts";

const skip =
  chromiumMissing() ?? (process.getuid?.() === 0 ? false : "needs root for pods with addresses of their own");
/** Where to put the pictures that the README shows; none are taken without it. */
const pictures = process.env.CAPSTAN_PICTURES;

async function picture(page: Page, name: string): Promise<void> {
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`) });
}

test("the quickstart is watched live, judged, and its model answers", { skip, timeout: 120_000 }, async () => {
  await using capstan = startInstance({ args: [] });
  const { addresses } = await capstan.ready();
  await using chromium = await openChromium();
  const { page, complaints } = await chromium.open();
  const { token } = await createOneTimeLogin(capstan.directory);
  await page.goto(`${addresses.console}/login#token=${token}`);

  await page.getByRole("link", { name: "penguins-1" }).click();
  await page.locator(".step").nth(8).waitFor();
  await page.locator(".page-aside").getByText("Succeeded").waitFor();
  assert.equal(await page.locator(".step-succeeded").count(), 9);

  await page.locator(".step", { hasText: "gbdt" }).click();
  await page.getByRole("tab", { name: "Logs" }).click();
  await page
    .getByRole("log")
    .getByText(/round \d+ of 60/)
    .first()
    .waitFor();
  await page.getByRole("tab", { name: "Inputs" }).click();
  await page.getByText("learningRate").waitFor();

  await page.locator(".step", { hasText: "evaluate" }).click();
  await page.getByRole("img", { name: /Adelie: Adelie \d+/ }).waitFor();
  await page.getByRole("cell", { name: "Chinstrap" }).waitFor();
  assert.deepEqual(await offencesOf(page), []);
  await picture(page, "workflow");

  await untilOutput(capstan.process, capstan.output, /Predict {3}/);
  await page.getByRole("link", { name: "Models" }).click();
  await page.getByRole("heading", { level: 1, name: "Models" }).waitFor();
  await page.getByRole("table").getByRole("link", { name: "penguins" }).first().click();
  await page.getByText("flipper_length_mm").waitFor();
  await picture(page, "model");

  await page.getByRole("link", { name: "Services" }).click();
  await page.getByRole("heading", { level: 1, name: "Services" }).waitFor();
  await page.getByRole("table").getByRole("link", { name: "penguins" }).click();
  await page.getByLabel("island").fill("Biscoe");
  await page.getByLabel("body_mass_g").fill("5200");
  await page.getByLabel("flipper_length_mm").fill("220");
  await page.getByLabel("bill_depth_mm").fill("14.5");
  await page.getByLabel("bill_length_mm").fill("");
  await page.getByLabel("sex").fill("");
  await page.getByRole("button", { name: "Predict" }).click();
  await page.locator(".prediction-label", { hasText: "Gentoo" }).waitFor();
  assert.equal(await page.locator(".probabilities tr").count(), 3);
  await picture(page, "prediction");
  assert.deepEqual(complaints, []);

  const { page: dark } = await chromium.open({ theme: "dark", language: "zh" });
  const again = await createOneTimeLogin(capstan.directory);
  await dark.goto(`${addresses.console}/login#token=${again.token}`);
  await dark.getByRole("link", { name: "penguins-1" }).click();
  await dark.getByRole("img", { name: /Adelie: Adelie \d+/ }).waitFor();
  await picture(dark, "workflow-dark");
});
