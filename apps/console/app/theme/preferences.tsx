// How this person likes the console: kept in the browser, never sent anywhere.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { dark, light, type Palette } from "./palette.ts";

export type ThemeChoice = "system" | "light" | "dark";
export type Language = "en" | "zh";

export interface Preferences {
  theme: ThemeChoice;
  isDark: boolean;
  palette: Palette;
  /** Whether things may move. */
  moves: boolean;
  language: Language;
  /** Namespace that lists show; empty for all of them. */
  namespace: string;
  setTheme(theme: ThemeChoice): void;
  setLanguage(language: Language): void;
  setNamespace(namespace: string): void;
}

const Context = createContext<Preferences | undefined>(undefined);

export function usePreferences(): Preferences {
  const value = useContext(Context);
  if (!value) throw new Error("usePreferences needs a PreferencesProvider above it");
  return value;
}

export function PreferencesProvider({ children }: { children: ReactNode }) {
  const [theme, setTheme] = useStored<ThemeChoice>("theme", "system");
  const [language, setLanguage] = useStored<Language>("language", navigator.language.startsWith("zh") ? "zh" : "en");
  const [namespace, setNamespace] = useStored<string>("namespace", "");
  const systemDark = useMedia("(prefers-color-scheme: dark)");
  const moves = !useMedia("(prefers-reduced-motion: reduce)");
  const isDark = theme === "dark" || (theme === "system" && systemDark);
  const palette = isDark ? dark : light;

  useEffect(() => {
    const root = document.documentElement;
    root.dataset.theme = isDark ? "dark" : "light";
    root.lang = language === "zh" ? "zh-CN" : "en";
    root.style.colorScheme = isDark ? "dark" : "light";
    for (const [name, colour] of Object.entries(palette)) {
      root.style.setProperty(`--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`, colour);
    }
  }, [isDark, palette, language]);

  const value = useMemo(
    () => ({ theme, isDark, palette, moves, language, namespace, setTheme, setLanguage, setNamespace }),
    [theme, isDark, palette, moves, language, namespace, setTheme, setLanguage, setNamespace],
  );
  return <Context value={value}>{children}</Context>;
}

function useStored<T extends string>(name: string, initial: T): [T, (value: T) => void] {
  const key = `capstan.${name}`;
  const [value, setValue] = useState<T>(() => (localStorage.getItem(key) as T | null) ?? initial);
  const set = useCallback(
    (next: T) => {
      localStorage.setItem(key, next);
      setValue(next);
    },
    [key],
  );
  return [value, set];
}

function useMedia(condition: string): boolean {
  const query = useMemo(() => matchMedia(condition), [condition]);
  const [matches, setMatches] = useState(query.matches);
  useEffect(() => {
    const changed = () => setMatches(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, [query]);
  return matches;
}
