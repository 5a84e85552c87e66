import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { App as AntdApp, ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { useEffect, useMemo } from "react";
import { RouterProvider } from "react-router";
import { i18next } from "./i18n/index.ts";
import { router } from "./router.tsx";
import { antdTheme } from "./theme/antd-theme.ts";
import { PreferencesProvider, usePreferences } from "./theme/preferences.tsx";
import { nonce } from "./theme/style-nonce.ts";

const queries = new QueryClient({
  defaultOptions: { queries: { retry: 1, refetchOnWindowFocus: false } },
});

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <PreferencesProvider>
        <Themed />
      </PreferencesProvider>
    </QueryClientProvider>
  );
}

function Themed() {
  const { palette, isDark, moves, language } = usePreferences();
  const theme = useMemo(() => antdTheme(palette, isDark, moves), [palette, isDark, moves]);
  useEffect(() => void i18next.changeLanguage(language), [language]);
  return (
    <ConfigProvider
      theme={theme}
      locale={language === "zh" ? zhCN : enUS}
      csp={{ nonce }}
      button={{ autoInsertSpace: false }}
    >
      <AntdApp component={false}>
        <RouterProvider router={router} />
      </AntdApp>
    </ConfigProvider>
  );
}
