import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Packages that change seldom and weigh much, each in a chunk of its own: a page loads only what it draws. */
const heavy: [string, RegExp][] = [
  ["react", /node_modules\/(react|react-dom|scheduler|react-router|use-sync-external-store)\//],
  ["charts", /node_modules\/(echarts|zrender)\//],
  ["graph", /node_modules\/(@xyflow|@dagrejs|d3-)/],
];

export default defineConfig({
  root: here("."),
  publicDir: here("app/public"),
  base: "/",
  plugins: [react()],
  // The server writes a fresh nonce in its place on every load: see server/static-files.ts.
  html: { cspNonce: "CSP_NONCE" },
  build: {
    outDir: here("dist"),
    emptyOutDir: true,
    target: "es2023",
    // The page's policy allows no data: fonts.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      output: {
        codeSplitting: { groups: heavy.map(([name, test], index) => ({ name, test, priority: heavy.length - index })) },
      },
    },
  },
});
