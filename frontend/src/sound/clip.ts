// What can be selected, heard, drawn and searched with: a sound of the library, or a file of the user's.

import { audioUrl, previewUrl } from "../api/client";
import type { Peaks, Sound } from "../api/types";
import * as format from "../format";
import type { Query, Region } from "../state";
import { fileOutline, outlineOf } from "./outlines";

export interface Clip {
  key: string;
  name: string;
  folder: string;
  path: string | null;
  facts: string[];
  tags: string[];
  duration_s: number | null;
  /** Why it cannot be heard, as a sentence, or null. */
  trouble: string | null;
  url: string;
  /** A stretch of it as WAV, where the server can make one. */
  wav: ((start_s: number, duration_s: number) => string) | null;
  outline(points: number): Promise<Peaks | null>;
  query(region: Region | null): Query;
}

let roots: string[] = [];

/** Tell which places the library was made of, so that folders can be named from there on. */
export const knowRoots = (known: string[]): void => {
  roots = [...known].sort((a, b) => b.length - a.length);
};

/** A folder's name without what lies above the place that the user added: "samples/drums/kicks". */
export function shortFolder(folder: string): string {
  const root = roots.find((place) => folder === place || folder.startsWith(`${place}/`) || folder.startsWith(`${place}!`));
  if (root === undefined) return folder;
  const above = root.slice(0, root.lastIndexOf("/") + 1);
  return folder.slice(above.length).replace("!/", "/") || folder;
}

export function soundClip(sound: Sound): Clip {
  return {
    key: sound.id,
    name: sound.name,
    folder: sound.folder,
    path: sound.path,
    facts: [
      format.duration(sound.duration_s),
      sound.channels ? format.channels(sound.channels) : "",
      sound.rate_hz ? format.rate(sound.rate_hz) : "",
      sound.silent ? "silent" : "",
      sound.paths.length > 1 ? `in ${sound.paths.length} places` : "",
    ].filter(Boolean),
    tags: sound.tags,
    duration_s: sound.duration_s,
    trouble: sound.missing ? `The file was not there when last looked: ${sound.path}` : null,
    url: audioUrl(sound.id),
    wav: (start_s, duration_s) => previewUrl(sound.id, start_s, duration_s),
    outline: (points) => outlineOf(sound.id, points),
    query: (region) => ({ kind: "sound", id: sound.id, region }),
  };
}

/** Files that this tab was given, by key: a browser cannot find them again after a reload. */
const heldFiles = new Map<string, { file: File; clip: Clip }>();

export function holdFile(file: File): string {
  const key = String(heldFiles.size + 1);
  const url = URL.createObjectURL(file);
  let outline: Promise<Peaks | null> | null = null;
  const clip: Clip = {
    key: `file ${key}`,
    name: file.name,
    folder: "your file",
    path: null,
    facts: [],
    tags: [],
    duration_s: null,
    trouble: null,
    url,
    wav: null,
    outline: async () => {
      outline ??= fileOutline(file);
      const peaks = await outline;
      if (peaks) clip.duration_s = peaks.duration_s;
      return peaks;
    },
    query: (region) => ({ kind: "file", key, region }),
  };
  heldFiles.set(key, { file, clip });
  return key;
}

export const heldFile = (key: string): { file: File; clip: Clip } | undefined => heldFiles.get(key);
