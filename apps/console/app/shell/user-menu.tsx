import { GlobalOutlined, LogoutOutlined, MoonOutlined, SunOutlined, UserOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Button, Dropdown, type MenuProps, Tooltip } from "antd";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { logOut, useSession } from "../api/session.ts";
import { type Language, type ThemeChoice, usePreferences } from "../theme/preferences.tsx";

export function LanguageSwitch() {
  const { t } = useTranslation();
  const { language, setLanguage } = usePreferences();
  const other: Language = language === "en" ? "zh" : "en";
  return (
    <Tooltip title={t("app.language")}>
      <Button type="text" icon={<GlobalOutlined />} lang={other} onClick={() => setLanguage(other)}>
        {other === "zh" ? "中文" : "EN"}
      </Button>
    </Tooltip>
  );
}

export function ThemeSwitch() {
  const { t } = useTranslation();
  const { theme, isDark, setTheme } = usePreferences();
  const choices: ThemeChoice[] = ["system", "light", "dark"];
  const menu: MenuProps = {
    selectable: true,
    selectedKeys: [theme],
    items: choices.map((key) => ({ key, label: t(`app.theme.${key}`) })),
    onClick: ({ key }) => setTheme(key as ThemeChoice),
  };
  return (
    <Dropdown menu={menu} trigger={["click"]}>
      <Button type="text" icon={isDark ? <MoonOutlined /> : <SunOutlined />} aria-label={t("app.theme.label")} />
    </Dropdown>
  );
}

export function UserMenu() {
  const { t } = useTranslation();
  const session = useSession();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const leave = async () => {
    await logOut();
    queries.setQueryData(["session"], null);
    navigate("/login");
  };
  const user = session?.user ?? "";
  const menu: MenuProps = {
    items: [
      { key: "who", label: t("app.signedInAs", { user }), disabled: true },
      { type: "divider" },
      { key: "out", icon: <LogoutOutlined />, label: t("app.signOut"), onClick: () => void leave() },
    ],
  };
  return (
    <Dropdown menu={menu} trigger={["click"]} placement="bottomRight">
      <Button type="text" icon={<UserOutlined />}>
        <span className="user-name">{user.split(":").at(-1)}</span>
      </Button>
    </Dropdown>
  );
}
