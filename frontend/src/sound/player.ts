// One sound at a time. A format that the browser does not play is fetched as WAV, a window of it after the other.

import type { Region } from "../state";
import type { Clip } from "./clip";

const WINDOW_S = 60;

// Asked before the first try only: a browser that says "maybe" and then fails is caught by the error event.
const TYPES: Record<string, string> = {
  aif: "audio/aiff",
  aiff: "audio/aiff",
  caf: "audio/x-caf",
  w64: "audio/x-w64",
  wma: "audio/x-ms-wma",
  flac: "audio/flac",
  ogg: "audio/ogg",
  oga: "audio/ogg",
  opus: "audio/ogg; codecs=opus",
  m4a: "audio/mp4",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  webm: "audio/webm",
};

/** Tells "state" when it starts, stops or changes clip, "time" while it plays, "trouble" with a sentence. */
export class Player extends EventTarget {
  clip: Clip | null = null;
  private loaded = "";
  private windowed = false;
  private window: Region = { from: 0, to: Infinity };
  private until: number | null = null;
  private wanted = false;
  private following = false;
  private pendingStart_s: number | null = null;

  constructor(private readonly audio: HTMLAudioElement) {
    super();
    audio.addEventListener("loadedmetadata", () => this.jumpToStart());
    audio.addEventListener("play", () => this.tell("state"));
    audio.addEventListener("pause", () => this.tell("state"));
    audio.addEventListener("ended", () => this.windowEnded());
    audio.addEventListener("timeupdate", () => this.tick());
    audio.addEventListener("error", () => this.failed());
  }

  get playing(): boolean {
    return this.wanted;
  }

  /** Where the clip plays, in seconds from its start. */
  get position_s(): number {
    if (this.clip?.trouble) return 0;
    return this.pendingStart_s ?? this.window.from + this.audio.currentTime;
  }

  /** Play a clip, or the region of it that is given. */
  play(clip: Clip, region: Region | null = null, from_s = region?.from ?? 0): void {
    if (clip.trouble) {
      this.stop();
      this.clip = clip;
      this.tell("state");
      return;
    }
    const same = this.loaded === clip.key && !this.audio.error;
    this.clip = clip;
    this.until = region && from_s < region.to ? region.to : null;
    this.wanted = true;
    if (!same) {
      this.loaded = clip.key;
      this.windowed = clip.wav !== null && !this.mayPlay(clip.name);
      this.open(from_s);
    } else {
      this.seek(from_s);
    }
    this.start();
  }

  stop(): void {
    this.wanted = false;
    this.audio.pause();
    this.tell("state");
  }

  seek(to_s: number): void {
    if (this.windowed && (to_s < this.window.from || to_s >= this.window.to)) {
      this.open(to_s);
      if (this.wanted) this.start();
      return;
    }
    this.pendingStart_s = to_s;
    if (this.audio.readyState >= HTMLMediaElement.HAVE_METADATA) this.jumpToStart();
  }

  private open(from_s: number): void {
    const clip = this.clip;
    if (!clip) return;
    this.window = { from: 0, to: Infinity };
    if (this.windowed && clip.wav) {
      this.window = { from: from_s, to: from_s + WINDOW_S };
      this.audio.src = clip.wav(from_s, WINDOW_S);
    } else {
      this.audio.src = clip.url;
    }
    this.pendingStart_s = from_s;
  }

  private start(): void {
    this.tell("state");
    this.audio.play().then(
      () => this.follow(),
      (error: DOMException) => {
        if (error.name !== "NotAllowedError") return; // the error event tells everything else
        this.wanted = false;
        this.tell("state");
        this.tell("trouble", "The browser wants a click on the page before it plays sound.");
      },
    );
  }

  private jumpToStart(): void {
    if (this.pendingStart_s === null) return;
    const target = this.pendingStart_s - this.window.from;
    this.pendingStart_s = null;
    if (Math.abs(this.audio.currentTime - target) > 1e-3) this.audio.currentTime = target;
    this.tell("time");
  }

  /** Follow the sound frame by frame: time events come four times a second, too coarse for short regions. */
  private follow(): void {
    if (this.following) return;
    this.following = true;
    const step = (): void => {
      this.following = this.wanted;
      if (!this.wanted) return;
      this.tick();
      requestAnimationFrame(step);
    };
    step();
  }

  private tick(): void {
    if (this.wanted && this.until !== null && this.position_s >= this.until) this.stop();
    this.tell("time");
  }

  private windowEnded(): void {
    const next = this.window.to;
    const length = this.clip?.duration_s ?? 0;
    if (this.windowed && this.wanted && next < length - 0.01) {
      this.open(next);
      this.start();
      return;
    }
    this.stop();
  }

  private failed(): void {
    const clip = this.clip;
    if (!clip || !this.wanted) return;
    if (clip.wav && !this.windowed) {
      const from_s = this.position_s;
      this.windowed = true;
      this.open(from_s);
      this.start();
      return;
    }
    this.stop();
    this.tell("trouble", clip.wav ? `${clip.name} cannot be read just now.` : `This browser cannot play ${clip.name}.`);
  }

  private mayPlay(name: string): boolean {
    const type = TYPES[name.slice(name.lastIndexOf(".") + 1).toLowerCase()];
    return type === undefined || this.audio.canPlayType(type) !== "";
  }

  private tell(kind: "state" | "time" | "trouble", detail?: string): void {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
