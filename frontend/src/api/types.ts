// The shapes that the server sends; a test holds them against the server's own models.

export interface EncoderInfo {
  name: string;
  fingerprint: string;
  dims: number;
  metric: string;
  segments: number;
  default: boolean;
}

export interface LibraryInfo {
  path: string;
  sounds: number;
  files: number;
  missing: number;
  errors: number;
  hours: number;
  size_bytes: number;
  roots: string[];
  encoders: EncoderInfo[];
}

export interface Sound {
  id: string;
  name: string;
  folder: string;
  path: string;
  paths: string[];
  duration_s: number;
  tags: string[];
  fields: Record<string, string>;
  missing: boolean;
  silent: boolean;
  rate_hz: number;
  channels: number;
  loudness_dbfs: number;
  modified: string | null;
}

export interface SoundPage {
  total: number;
  offset: number;
  sounds: Sound[];
}

export interface Hit {
  rank: number;
  sound: Sound;
  start_s: number;
  end_s: number;
  distance: number;
  score: number;
  same_file: boolean;
}

export interface SearchResult {
  hits: Hit[];
}

export interface Peaks {
  duration_s: number;
  lowest: number[];
  highest: number[];
}

export interface TagCount {
  tag: string;
  sounds: number;
}

export interface FailedFile {
  path: string;
  reason: string;
}

export interface Problem {
  detail: string;
  kind: string;
}
