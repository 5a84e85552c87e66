// What can be checked without a person: names of controls, one heading, landmarks, contrast.
import type { Page } from "playwright-core";

/** Offences against WCAG 2.2: 1.1.1, 1.3.1, 1.4.3, 3.1.1, 4.1.2; each names its element. */
export async function offencesOf(page: Page): Promise<string[]> {
  const [structure, contrast] = await Promise.all([page.evaluate(checkStructure), page.evaluate(checkContrast)]);
  return [...structure, ...contrast];
}

function checkStructure(): string[] {
  const offences: string[] = [];
  const show = (element: Element) => element.outerHTML.slice(0, 140).replace(/\s+/g, " ");
  const visible = (element: Element) => element.checkVisibility({ visibilityProperty: true });
  const nameOf = (element: HTMLElement) => {
    const labels = [...((element as HTMLInputElement).labels ?? [])].map((label) => label.textContent);
    const by = (element.getAttribute("aria-labelledby") ?? "")
      .split(/\s+/)
      .map((id) => document.getElementById(id)?.textContent);
    const own = [element.getAttribute("aria-label"), element.title, element.textContent];
    return [...labels, ...by, ...own].filter(Boolean).join(" ").trim();
  };
  const controls = "a[href],button,input:not([type=hidden]),select,textarea,[role=button],[role=tab],[role=img]";
  for (const element of document.querySelectorAll<HTMLElement>(controls)) {
    if (visible(element) && !element.closest("[aria-hidden=true]") && nameOf(element) === "")
      offences.push(`no name: ${show(element)}`);
  }
  for (const image of document.querySelectorAll("img:not([alt])")) offences.push(`no alt: ${show(image)}`);
  const headings = [...document.querySelectorAll("h1")].filter(visible);
  if (headings.length !== 1) offences.push(`${headings.length} level-1 headings`);
  if (document.querySelectorAll("main").length !== 1) offences.push("not exactly one main landmark");
  if (!/^(en|zh-CN)$/.test(document.documentElement.lang)) offences.push(`lang is "${document.documentElement.lang}"`);
  return offences;
}

function checkContrast(): string[] {
  type Colour = [red: number, green: number, blue: number, alpha: number];
  const canvas = document
    .createElement("canvas")
    .getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
  const parse = (text: string): Colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r = 0, g = 0, b = 0, a = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top: Colour, under: Colour): Colour => {
    const mix = (i: 0 | 1 | 2) => top[i] * top[3] + under[i] * (1 - top[3]);
    return [mix(0), mix(1), mix(2), 1];
  };
  const behind = (element: Element | null): Colour => {
    if (!element) return [255, 255, 255, 1];
    const colour = parse(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour : over(colour, behind(element.parentElement));
  };
  const luminance = ([r, g, b]: Colour) => {
    const linear = (v: number) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const offences = new Set<string>();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.nodeValue?.trim() ?? "";
    if (text === "" || !element?.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest("svg,style,script,noscript,[disabled],[aria-disabled=true],[aria-hidden=true]")) continue;
    const style = getComputedStyle(element);
    const size = Number.parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ground = behind(element);
    // Text that a control paints over with its own is there to be measured, not to be read.
    if (parse(style.color)[3] === 0) continue;
    const [light, dark] = [luminance(over(parse(style.color), ground)), luminance(ground)].sort((a, b) => b - a) as [
      number,
      number,
    ];
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < (large ? 3 : 4.5))
      offences.add(`contrast ${ratio.toFixed(2)}: "${text.slice(0, 40)}" .${element.className}`);
  }
  return [...offences];
}
