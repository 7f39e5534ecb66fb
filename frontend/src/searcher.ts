// Turns a view into rows, a page at a time.

import { findSimilar, getSound, listSounds, searchByFile } from "./api/client";
import type { Hit } from "./api/types";
import * as format from "./format";
import { heldFile, soundClip } from "./sound/clip";
import { hasFilters, type View } from "./state";
import { hitRow, type Row, soundRow } from "./view/results";

const PAGE = 200;
const FIRST_HITS = 100;
const MOST_HITS = 1000;
const HOW = ": choose one, or a file of yours, to find what sounds like it";

export interface Answer {
  /** What is searched with, where the view has such a thing. */
  query: Row | null;
  rows: Row[];
  status: string;
  /** Fetches the rows that follow; null at the end. */
  more: ((signal: AbortSignal) => Promise<Answer>) | null;
}

/** A view that cannot be asked for; the message says why. */
export class CannotAsk extends Error {}

export async function answer(view: View, signal: AbortSignal): Promise<Answer> {
  const { min_s, max_s } = view.filters;
  if (min_s !== null && max_s !== null && min_s > max_s)
    throw new CannotAsk(`No sound lasts at least ${min_s} s and at most ${max_s} s.`);
  return view.query ? similar(view, FIRST_HITS, 0, signal) : listing(view, 0, signal);
}

async function listing(view: View, offset: number, signal: AbortSignal): Promise<Answer> {
  const page = await listSounds(view.filters, offset, PAGE, signal);
  const next = offset + page.sounds.length;
  return {
    query: null,
    rows: page.sounds.map((sound) => soundRow(sound)),
    status: format.count(page.total, "sound") + (offset === 0 && page.total > 0 && !hasFilters(view.filters) ? HOW : ""),
    more: next < page.total && page.sounds.length > 0 ? (later) => listing(view, next, later) : null,
  };
}

async function similar(view: View, limit: number, skip: number, signal: AbortSignal): Promise<Answer> {
  const { query, filters, segments } = view;
  if (!query) throw new Error("a search needs a query");
  const options = { filters, segments, limit, region: query.region };
  let hits: Hit[];
  let clip;
  if (query.kind === "sound") {
    const [sound, result] = await Promise.all([getSound(query.id, signal), findSimilar(query.id, options, signal)]);
    hits = result.hits;
    clip = soundClip(sound);
  } else {
    const held = heldFile(query.key);
    if (!held) throw new CannotAsk("This search was made with a file of yours; drop it again to search by it.");
    hits = (await searchByFile(held.file, options, signal)).hits;
    clip = held.clip;
  }
  const full = hits.length >= limit && limit < MOST_HITS;
  const what = hits.length > 0 ? format.count(hits.length, segments ? "segment" : "sound") : "Nothing";
  const part = query.region ? ` at ${format.span(query.region.from, query.region.to)}` : "";
  return {
    query: { clip, region: query.region, hit: null, isQuery: true },
    rows: hits.slice(skip).map((hit) => hitRow(hit, segments)),
    status: `${what} like ${clip.name}${part}${hits.length > 1 ? ", best first" : ""}`,
    more: full ? (later) => similar(view, Math.min(MOST_HITS, limit + PAGE), hits.length, later) : null,
  };
}
