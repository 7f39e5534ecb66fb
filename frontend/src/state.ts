// What is looked at, and how it is written into the address bar, so that a search can be linked to and gone back to.

export interface Region {
  from: number;
  to: number;
}

export interface Filters {
  text: string;
  tags: string[];
  under: string;
  min_s: number | null;
  max_s: number | null;
}

/** What is searched with: a sound of the library, or a file that this tab holds in memory. */
export type Query =
  | { kind: "sound"; id: string; region: Region | null }
  | { kind: "file"; key: string; region: Region | null };

export interface View {
  filters: Filters;
  query: Query | null;
  segments: boolean;
}

export const noFilters = (): Filters => ({ text: "", tags: [], under: "", min_s: null, max_s: null });

export const hasFilters = (filters: Filters): boolean =>
  Boolean(filters.text || filters.tags.length || filters.under || filters.min_s !== null || filters.max_s !== null);

export function sameQuery(a: Query | null, b: Query | null): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export function viewToSearch(view: View): string {
  const params = new URLSearchParams();
  const { filters, query } = view;
  if (query?.kind === "sound") params.set("like", query.id);
  if (query?.kind === "file") params.set("file", query.key);
  if (query?.region) {
    params.set("from", trimmed(query.region.from));
    params.set("to", trimmed(query.region.to));
  }
  if (view.segments) params.set("segments", "1");
  if (filters.text) params.set("q", filters.text);
  for (const tag of filters.tags) params.append("tag", tag);
  if (filters.under) params.set("under", filters.under);
  if (filters.min_s !== null) params.set("min", trimmed(filters.min_s));
  if (filters.max_s !== null) params.set("max", trimmed(filters.max_s));
  const text = params.toString();
  return text ? `?${text}` : "";
}

export function viewFromSearch(search: string): View {
  const params = new URLSearchParams(search);
  const from = number(params.get("from"));
  const to = number(params.get("to"));
  const region = from !== null && to !== null && to > from ? { from, to } : null;
  const like = params.get("like") ?? "";
  const key = params.get("file");
  let query: Query | null = null;
  if (/^[0-9a-f]{32}$/.test(like)) query = { kind: "sound", id: like, region };
  else if (key) query = { kind: "file", key, region };
  return {
    query,
    segments: params.get("segments") === "1",
    filters: {
      text: params.get("q") ?? "",
      tags: params.getAll("tag"),
      under: params.get("under") ?? "",
      min_s: number(params.get("min")),
      max_s: number(params.get("max")),
    },
  };
}

/** Read a number of seconds that someone typed; null where there is none. */
export function number(text: string | null): number | null {
  if (text === null || text.trim() === "") return null;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : null;
}

const trimmed = (value: number): string => String(Number(value.toFixed(3)));
