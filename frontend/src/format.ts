// Figures as people read them; the durations as the command line writes them.

export function duration(seconds: number): string {
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return clock(Math.round(seconds));
}

export function clock(seconds: number, decimals = 0): string {
  const whole = Math.floor(seconds / 60);
  const rest = (seconds - whole * 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  const hours = Math.floor(whole / 60);
  return hours ? `${hours}:${String(whole % 60).padStart(2, "0")}:${rest}` : `${whole}:${rest}`;
}

export const span = (from: number, to: number): string =>
  to < 60 ? `${from.toFixed(2)} – ${to.toFixed(2)} s` : `${clock(from, 1)} – ${clock(to, 1)}`;

export const count = (value: number, singular: string, plural = `${singular}s`): string =>
  `${value.toLocaleString("en")} ${value === 1 ? singular : plural}`;

export function channels(value: number): string {
  return value === 1 ? "mono" : value === 2 ? "stereo" : `${value} channels`;
}

export const rate = (hz: number): string => `${(hz / 1000).toLocaleString("en", { maximumFractionDigits: 3 })} kHz`;
