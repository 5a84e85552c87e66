import { type ThemeConfig, theme } from "antd";
import type { Palette } from "./palette.ts";

export const sans =
  '"Inter Variable", system-ui, -apple-system, "Segoe UI", "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif';
export const mono =
  '"JetBrains Mono Variable", ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Sans Mono CJK SC", monospace';

/** The kit's tokens from our palette: small, square, quiet. */
export function antdTheme(palette: Palette, isDark: boolean, motion: boolean): ThemeConfig {
  return {
    algorithm: isDark ? theme.darkAlgorithm : theme.defaultAlgorithm,
    token: {
      colorPrimary: palette.ink,
      colorInfo: palette.busy,
      colorSuccess: palette.good,
      colorWarning: palette.warn,
      colorError: palette.bad,
      ...washes(isDark),
      colorLink: palette.text,
      colorLinkHover: palette.brand,
      colorText: palette.text,
      colorTextSecondary: palette.textSoft,
      colorTextTertiary: palette.textFaint,
      colorTextDescription: palette.textFaint,
      colorTextPlaceholder: palette.textFaint,
      colorBgBase: palette.page,
      colorBgLayout: palette.page,
      colorBgContainer: palette.raised,
      colorBgElevated: palette.raised,
      colorBorder: palette.lineStrong,
      colorBorderSecondary: palette.line,
      colorSplit: palette.line,
      controlOutline: "transparent",
      fontFamily: sans,
      fontFamilyCode: mono,
      fontSize: 13,
      fontSizeSM: 12,
      controlHeightSM: 24,
      borderRadius: 4,
      controlHeight: 30,
      motionDurationMid: "0.12s",
      motionDurationSlow: "0.16s",
      wireframe: false,
      motion,
    },
    components: {
      Button: { primaryColor: palette.onInk, defaultShadow: "none", primaryShadow: "none", fontWeight: 500 },
      Table: {
        headerBg: palette.sunken,
        headerColor: palette.textFaint,
        headerSplitColor: "transparent",
        rowHoverBg: palette.hover,
        cellPaddingBlockSM: 7,
        cellPaddingInlineSM: 12,
      },
      Menu: { itemBorderRadius: 4 },
      Tabs: { itemColor: palette.textSoft, itemSelectedColor: palette.text, inkBarColor: palette.brand },
      Segmented: { itemSelectedBg: isDark ? palette.line : palette.raised, trackBg: palette.hover },
      Form: { itemMarginBottom: 16, verticalLabelPadding: "0 0 4px" },
      Tooltip: { colorBgSpotlight: isDark ? "#2a3238" : "#1b2025" },
      Switch: { colorPrimary: palette.brand, colorPrimaryHover: palette.brand },
    },
  };
}

/** Backgrounds of notices: the kit derives them from hues that it expects to be lighter. */
function washes(isDark: boolean) {
  return isDark
    ? {
        colorInfoBg: "#111c29",
        colorInfoBorder: "#21405f",
        colorSuccessBg: "#10201a",
        colorSuccessBorder: "#1f4a37",
        colorWarningBg: "#221a0c",
        colorWarningBorder: "#4d3b15",
        colorErrorBg: "#251313",
        colorErrorBorder: "#552827",
      }
    : {
        colorInfoBg: "#eff5fc",
        colorInfoBorder: "#c3daf3",
        colorSuccessBg: "#eef7f1",
        colorSuccessBorder: "#c2e0cd",
        colorWarningBg: "#fdf6e8",
        colorWarningBorder: "#ecd6a8",
        colorErrorBg: "#fdf1f0",
        colorErrorBorder: "#f1c9c6",
      };
}
