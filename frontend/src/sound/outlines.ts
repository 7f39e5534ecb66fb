// Outlines of waveforms: fetched a few at a time, the latest asked for first, kept while the page is open.

import { getPeaks } from "../api/client";
import type { Peaks } from "../api/types";

const MOST_AT_ONCE = 4;
const MOST_KEPT = 3000;
const MOST_DECODED_BYTES = 60_000_000; // decoding holds the whole file as floats in memory

const kept = new Map<string, Promise<Peaks | null>>();
const waiting: (() => void)[] = [];
let running = 0;

export function outlineOf(id: string, points: number): Promise<Peaks | null> {
  const key = `${id} ${points}`;
  let outline = kept.get(key);
  if (!outline) {
    outline = turn()
      .then(() => getPeaks(id, points))
      .catch(() => {
        kept.delete(key); // a waveform is a help, not a must: the row stays usable, a later look tries again
        return null;
      })
      .finally(next);
    kept.set(key, outline);
    const oldest = kept.keys().next().value;
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  }
  return outline;
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (running < MOST_AT_ONCE) {
      running += 1;
      waiting.pop()?.();
    }
  });
}

function next(): void {
  const start = waiting.pop();
  if (start) start();
  else running -= 1;
}

/** The outline of a file that the browser itself can decode; null where it cannot. */
export async function fileOutline(file: File, points = 2000): Promise<Peaks | null> {
  if (file.size > MOST_DECODED_BYTES) return null;
  try {
    const context = new OfflineAudioContext(1, 1, 44_100);
    const audio = await context.decodeAudioData(await file.arrayBuffer());
    return outlineOfSamples(audio, points);
  } catch {
    return null;
  }
}

function outlineOfSamples(audio: AudioBuffer, points: number): Peaks {
  const number = Math.min(points, audio.length);
  const lowest = new Array<number>(number).fill(0);
  const highest = new Array<number>(number).fill(0);
  for (let channel = 0; channel < audio.numberOfChannels; channel += 1) {
    const samples = audio.getChannelData(channel);
    for (let point = 0; point < number; point += 1) {
      const stop = Math.floor(((point + 1) * samples.length) / number);
      let low = lowest[point] ?? 0;
      let high = highest[point] ?? 0;
      for (let i = Math.floor((point * samples.length) / number); i < stop; i += 1) {
        const value = (samples[i] ?? 0) * 127;
        if (value < low) low = value;
        if (value > high) high = value;
      }
      lowest[point] = low;
      highest[point] = high;
    }
  }
  return { duration_s: audio.duration, lowest, highest };
}

/** The factor that makes a quiet sound's outline visible: at most 12 dB, so that quiet still looks quiet. */
export function displayGain(peaks: Peaks): number {
  let largest = 1;
  for (const value of peaks.highest) largest = Math.max(largest, value);
  for (const value of peaks.lowest) largest = Math.max(largest, -value);
  return Math.min(4, 120 / largest) / 127;
}
