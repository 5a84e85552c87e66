// Debian's Chromium without a window: no requests of its own, the same picture on every machine.
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";

/** Why no browser can be had here; undefined when one can. */
export function chromiumMissing(): string | undefined {
  return existsSync(executablePath) ? undefined : `there is no ${executablePath}: apt-get install chromium`;
}

/** Milliseconds a page has for anything: some twenty times what it takes on an idle machine. */
const patience = 30_000;

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--no-first-run",
  "--font-render-hinting=none",
];

export interface Look {
  theme?: "light" | "dark";
  language?: "en" | "zh";
  width?: number;
  height?: number;
}

export interface Session extends AsyncDisposable {
  browser: Browser;
  /** A new window of its own profile. What the page complains about is collected in `complaints`. */
  open(look?: Look): Promise<{ page: Page; complaints: string[] }>;
}

export async function openChromium(): Promise<Session> {
  const browser = await chromium.launch({ executablePath, args });
  return {
    browser,
    async open({ theme = "light", language = "en", width = 1440, height = 900 } = {}) {
      // What moves is measured and pictured at rest.
      const context = await browser.newContext({ viewport: { width, height }, reducedMotion: "reduce" });
      context.setDefaultTimeout(patience);
      await context.addInitScript(
        ([chosenTheme, chosenLanguage]) => {
          localStorage.setItem("capstan.theme", chosenTheme as string);
          localStorage.setItem("capstan.language", chosenLanguage as string);
        },
        [theme, language],
      );
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => {
        // Interfaces of other tests on this machine come and go: what the page then does has a test of its own.
        if (message.type() === "error" && !message.text().includes("ERR_NETWORK_CHANGED"))
          complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("request", (request) => {
        const { hostname } = new URL(request.url());
        if (hostname !== "127.0.0.1") complaints.push(`asked ${request.url()}`);
      });
      return { page, complaints };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
