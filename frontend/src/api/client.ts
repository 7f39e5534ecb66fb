import type { FailedFile, LibraryInfo, Peaks, Problem, SearchResult, Sound, SoundPage, TagCount } from "./types";
import type { Filters, Region } from "../state";

/** What the server, or its absence, has to say to the user: a sentence. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly kind: string,
  ) {
    super(message);
  }
}

export interface SearchOptions {
  filters: Filters;
  region: Region | null;
  segments: boolean;
  limit: number;
}

export const getLibrary = (): Promise<LibraryInfo> => request("/api/library");
export const listTags = (): Promise<TagCount[]> => request("/api/tags");
export const listErrors = (): Promise<FailedFile[]> => request("/api/errors");
export const getSound = (id: string, signal?: AbortSignal): Promise<Sound> =>
  request(`/api/sounds/${id}`, signal ? { signal } : {});
export const getPeaks = (id: string, points: number): Promise<Peaks> =>
  request(`/api/sounds/${id}/peaks?points=${points}`);

export const audioUrl = (id: string): string => `/api/sounds/${id}/audio`;

/** A stretch of a sound as WAV, for files in formats that the browser does not play. */
export function previewUrl(id: string, start_s: number, duration_s: number): string {
  return `${audioUrl(id)}?format=wav&start_s=${start_s}&duration_s=${duration_s}`;
}

export function listSounds(filters: Filters, offset: number, limit: number, signal: AbortSignal): Promise<SoundPage> {
  const query = filterQuery(filters);
  query.set("offset", String(offset));
  query.set("limit", String(limit));
  return request(`/api/sounds?${query}`, { signal });
}

export function findSimilar(id: string, options: SearchOptions, signal: AbortSignal): Promise<SearchResult> {
  return request(`/api/sounds/${id}/similar?${searchQuery(options)}`, { signal });
}

export function searchByFile(file: File, options: SearchOptions, signal: AbortSignal): Promise<SearchResult> {
  const body = new FormData();
  body.set("file", file);
  return request(`/api/search?${searchQuery(options)}`, { method: "POST", body, signal });
}

function filterQuery(filters: Filters): URLSearchParams {
  const query = new URLSearchParams();
  if (filters.text) query.set("text", filters.text);
  for (const tag of filters.tags) query.append("tag", tag);
  if (filters.under) query.set("under", filters.under);
  if (filters.min_s !== null) query.set("min_duration_s", String(filters.min_s));
  if (filters.max_s !== null) query.set("max_duration_s", String(filters.max_s));
  return query;
}

function searchQuery(options: SearchOptions): URLSearchParams {
  const query = filterQuery(options.filters);
  query.set("limit", String(options.limit));
  if (options.segments) query.set("segments", "true");
  if (options.region) {
    query.set("start_s", String(options.region.from));
    query.set("duration_s", String(options.region.to - options.region.from));
  }
  return query;
}

async function request<T>(url: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError("The server does not answer. Is “soundalike serve” still running?", "offline");
  }
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => null)) as Problem | null;
  throw new ApiError(
    problem?.detail ?? `The server answered with status ${response.status}.`,
    problem?.kind ?? "error",
  );
}
