import type { Peaks } from "../api/types";
import { cssVariable } from "../dom";
import type { Region } from "../state";
import { displayGain } from "./outlines";

/** Draw an outline into a canvas at its present size; a region, where given, in the accent colour. */
export function drawOutline(canvas: HTMLCanvasElement, peaks: Peaks, region: Region | null): void {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  const points = peaks.highest.length;
  if (!pen || points === 0) return;
  const gain = displayGain(peaks);
  const middle = height / 2;
  const from = region ? (region.from / peaks.duration_s) * width : 0;
  // A second of an hour is narrower than a pixel, and is to be seen all the same.
  const to = region ? Math.max((region.to / peaks.duration_s) * width, from + 2 * ratio) : 0;
  const plain = cssVariable("--wave");
  const marked = cssVariable("--accent");
  for (let x = 0; x < width; x += 1) {
    const first = Math.floor((x * points) / width);
    const last = Math.max(first + 1, Math.floor(((x + 1) * points) / width));
    let high = 0;
    let low = 0;
    for (let i = first; i < last; i += 1) {
      high = Math.max(high, peaks.highest[i] ?? 0);
      low = Math.min(low, peaks.lowest[i] ?? 0);
    }
    const top = Math.max(0, middle - high * gain * middle);
    const bottom = Math.min(height, middle - low * gain * middle);
    pen.fillStyle = region && x >= from && x <= to ? marked : plain;
    pen.fillRect(x, Math.min(top, middle - ratio / 2), 1, Math.max(ratio, bottom - top));
  }
}
