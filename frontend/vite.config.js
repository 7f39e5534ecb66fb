// The build is committed, so it has to be the same bytes on every machine: no hashes in names, no dates.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

const root = import.meta.dirname;
const LOOSE_SOURCES = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.js"];
const SOURCE_FOLDERS = ["public", "src"];

/** Every file that the build depends on, with the SHA-256 of its bytes. */
function sourceHashes() {
  const paths = [...LOOSE_SOURCES];
  for (const folder of SOURCE_FOLDERS) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) {
        paths.push(join(entry.parentPath, entry.name).slice(root.length + 1).replaceAll("\\", "/"));
      }
    }
  }
  const hash = (path) => createHash("sha256").update(readFileSync(join(root, path))).digest("hex");
  return Object.fromEntries(paths.sort().map((path) => [path, hash(path)]));
}

/** Writes build.json, by which a test holds build and sources together, and the licences of what is bundled. */
function provenance() {
  return {
    name: "provenance",
    apply: "build",
    generateBundle() {
      const licence = readFileSync(join(root, "node_modules/wavesurfer.js/LICENSE"), "utf8");
      const emit = (fileName, source) => this.emitFile({ type: "asset", fileName, source });
      emit("build.json", JSON.stringify({ sources: sourceHashes() }, null, 2) + "\n");
      emit("assets/licenses.txt", `wavesurfer.js, https://wavesurfer.xyz\n\n${licence.trim()}\n`);
    },
  };
}

export default defineConfig({
  root,
  plugins: [provenance()],
  server: { proxy: { "/api": "http://127.0.0.1:8765" } },
  build: {
    outDir: process.env.SOUNDALIKE_STATIC ?? join(root, "../src/soundalike/web/static"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: "assets/app.js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
});
