// Texts in two languages, bundled: a missing one is a type error.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { en } from "./en.ts";
import { enPlatform } from "./en-platform.ts";
import { zh } from "./zh.ts";
import { zhPlatform } from "./zh-platform.ts";

const english = { ...en, ...enPlatform };
const chinese = { ...zh, ...zhPlatform };

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof english };
  }
}

void i18next.use(initReactI18next).init({
  resources: { en: { translation: english }, zh: { translation: chinese } },
  fallbackLng: "en",
  initAsync: false,
  // React escapes what it renders.
  interpolation: { escapeValue: false },
});

export { i18next };
