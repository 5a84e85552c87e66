// The built browser app: hashed files for ever, the page itself never cached and with a fresh nonce.
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative } from "node:path";
import type { HttpResponse } from "@capstan/base/http";
import { refuse } from "./answer.ts";

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".json": "application/json",
};

export interface StaticFiles {
  /** The page of the app, whatever its route. */
  page(): Promise<HttpResponse>;
  /** A file of the build, or undefined when it has none of that path. */
  file(path: string): Promise<HttpResponse | undefined>;
}

/** @param dist directory that `vite build` wrote; its files are listed once, when first asked for. */
export function createStaticFiles(dist: string): StaticFiles {
  let listing: Promise<Set<string>> | undefined;
  let page: Promise<string> | undefined;
  return {
    async page() {
      page ??= readFile(join(dist, "index.html"), "utf8");
      try {
        return pageWith(await page, randomBytes(16).toString("base64"));
      } catch (error) {
        page = undefined;
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        return refuse(503, "NotBuilt", `the browser app is not in ${dist}: build it with "npm run prepare"`);
      }
    },
    async file(path) {
      listing ??= list(dist);
      if (!(await listing).has(path)) return undefined;
      const immutable = path.startsWith("/assets/");
      return {
        status: 200,
        headers: {
          "content-type": types[extname(path)] ?? "application/octet-stream",
          "cache-control": immutable ? "public, max-age=31536000, immutable" : "no-cache",
        },
        body: await readFile(join(dist, path)),
      };
    },
  };
}

/** Paths as the browser asks for them; only what is listed is ever read, so a path cannot leave the directory. */
async function list(dist: string): Promise<Set<string>> {
  try {
    const entries = await readdir(dist, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith("."));
    return new Set(files.map((entry) => `/${relative(dist, join(entry.parentPath, entry.name))}`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Set();
    throw error;
  }
}

function pageWith(html: string, nonce: string): HttpResponse {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    // Style elements need the nonce; style attributes are how charts and graphs place things.
    `style-src 'self' 'nonce-${nonce}'`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    status: 200,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": policy.join("; "),
    },
    body: html.replaceAll("CSP_NONCE", nonce),
  };
}
