// The selected sound, large: hear it, drag over it to select a region, search by either.

import WaveSurfer from "wavesurfer.js";
import RegionsPlugin from "wavesurfer.js/dist/plugins/regions.esm.js";
import { cssVariable, el, icon, setIcon } from "../dom";
import * as format from "../format";
import { type Clip, shortFolder } from "../sound/clip";
import { displayGain } from "../sound/outlines";
import type { Player } from "../sound/player";
import { number, type Query, type Region, sameQuery } from "../state";

const OUTLINE_POINTS = 4000;
const SHORTEST_S = 0.02;

export interface DockActions {
  search(clip: Clip, region: Region | null): void;
  copyPath(path: string): void;
}

export class Dock {
  clip: Clip | null = null;
  private searched: Query | null = null;
  private chosen: Region | null = null;
  private readonly regions = RegionsPlugin.create();
  private readonly wave: WaveSurfer;
  private drawing = false;

  private readonly playButton = el("button", { class: "play large", type: "button", "aria-label": "Play" }, icon("play"));
  private readonly name = el("bdi", { class: "name" });
  private readonly folder = el("bdi", { class: "folder-name" });
  private readonly facts = el("p", { class: "facts" });
  private readonly trouble = el("p", { class: "reason", role: "status" });
  private readonly time = el("span", { class: "time" });
  private readonly from = secondsInput("Region starts at, in seconds");
  private readonly to = secondsInput("Region ends at, in seconds");
  private readonly regionBox = el("span", { class: "region", hidden: true, role: "group", "aria-label": "Region" });
  private readonly searchButton = el("button", { class: "button primary", type: "button" }, icon("alike"), el("span"));
  private readonly copyButton = el("button", { class: "button copy", type: "button", "aria-label": "Copy path", title: "Copy the path of the file" }, icon("copy"), el("span", {}, "Copy path"));
  private readonly waveBox = el("div", { class: "large-wave", role: "img" });

  constructor(
    private readonly root: HTMLElement,
    private readonly player: Player,
    private readonly actions: DockActions,
  ) {
    const clear = el("button", { class: "plain", type: "button", "aria-label": "Clear the region", title: "Clear the region (Esc)", click: () => this.clearRegion() }, icon("close"));
    this.regionBox.append(this.from, "–", this.to, "s", clear);
    root.append(
      el(
        "div",
        { class: "dock-head" },
        this.playButton,
        el("div", { class: "dock-title" }, el("p", {}, this.name, " ", this.folder), this.facts, this.trouble),
        el("div", { class: "dock-acts" }, this.regionBox, this.searchButton, this.copyButton),
      ),
      el("div", { class: "dock-wave" }, this.waveBox, this.time),
    );
    this.wave = this.makeWave();
    this.listen();
  }

  get region(): Region | null {
    return this.chosen;
  }

  show(clip: Clip, region: Region | null): void {
    const same = this.clip?.key === clip.key;
    this.root.hidden = false;
    this.clip = clip;
    if (!same) void this.load(clip, region);
    else this.setRegion(region);
    this.name.textContent = clip.name;
    this.folder.textContent = shortFolder(clip.folder);
    this.folder.title = clip.path ?? "";
    this.trouble.textContent = clip.trouble ?? "";
    this.playButton.disabled = clip.trouble !== null;
    this.copyButton.hidden = clip.path === null;
    this.facts.textContent = [...clip.facts, ...clip.tags.slice(0, 6)].join(" · ");
    this.waveBox.setAttribute("aria-label", `Waveform of ${clip.name}`);
    this.label();
  }

  hide(): void {
    this.root.hidden = true;
    this.clip = null;
    this.setRegion(null);
  }

  /** Tell what the results were searched with: searching by it again would change nothing. */
  setSearched(query: Query | null): void {
    this.searched = query;
    this.label();
  }

  clearRegion(): void {
    this.setRegion(null);
  }

  /** Show where the sound plays. */
  playhead(): void {
    const mine = this.clip !== null && this.player.clip?.key === this.clip.key;
    const playing = mine && this.player.playing;
    setIcon(this.playButton, playing ? "stop" : "play");
    this.playButton.setAttribute("aria-label", playing ? "Stop" : "Play");
    const position_s = mine ? this.player.position_s : 0;
    const length_s = this.clip?.duration_s ?? 0;
    if (this.wave.getDuration() > 0) this.wave.setTime(Math.min(position_s, length_s));
    this.time.textContent = length_s ? `${format.clock(position_s, 2)} / ${format.clock(length_s, 2)}` : "";
  }

  /** Take the colours of the present scheme. */
  recolour(): void {
    this.wave.setOptions(colours());
    if (this.chosen) this.setRegion(this.chosen);
  }

  private makeWave(): WaveSurfer {
    const nonce = document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? "";
    return WaveSurfer.create({
      container: this.waveBox,
      height: "auto",
      cursorWidth: 2,
      normalize: false,
      hideScrollbar: true,
      plugins: [this.regions],
      cspNonce: nonce,
      ...colours(),
    });
  }

  private listen(): void {
    this.wave.on("interaction", (at_s) => {
      if (this.clip) this.player.play(this.clip, null, at_s);
    });
    this.regions.enableDragSelection({ color: cssVariable("--region") }, 3);
    this.regions.on("region-created", (made) => {
      if (!this.drawing) this.take({ from: made.start, to: made.end }, made.id);
    });
    this.regions.on("region-update", (made) => {
      this.chosen = { from: made.start, to: made.end };
      this.label();
    });
    this.regions.on("region-updated", (made) => this.take({ from: made.start, to: made.end }, made.id));
    this.regions.on("region-clicked", (_, event) => {
      event.stopPropagation();
      if (this.clip) this.player.play(this.clip, this.chosen);
    });
    this.playButton.addEventListener("click", () => this.toggle());
    this.searchButton.addEventListener("click", () => this.clip && this.actions.search(this.clip, this.chosen));
    this.copyButton.addEventListener("click", () => this.clip?.path && this.actions.copyPath(this.clip.path));
    for (const input of [this.from, this.to]) input.addEventListener("change", () => this.typed());
  }

  toggle(): void {
    if (!this.clip) return;
    if (this.player.playing && this.player.clip?.key === this.clip.key) this.player.stop();
    else this.player.play(this.clip, this.chosen);
  }

  private async load(clip: Clip, region: Region | null): Promise<void> {
    this.setRegion(null);
    this.chosen = region;
    const peaks = await clip.outline(OUTLINE_POINTS);
    if (this.clip?.key !== clip.key) return;
    if (!peaks) {
      this.wave.empty();
      return;
    }
    const gain = displayGain(peaks);
    const top = Float32Array.from(peaks.highest, (value) => value * gain);
    const bottom = Float32Array.from(peaks.lowest, (value) => value * gain);
    await this.wave.load("", [top, bottom], peaks.duration_s);
    if (this.clip.key !== clip.key) return;
    this.setRegion(this.chosen);
    this.playhead();
  }

  /** Accept what was dragged: one region at a time, heard as soon as the mouse lets go. */
  private take(region: Region, id: string): void {
    for (const other of this.regions.getRegions()) if (other.id !== id) other.remove();
    if (region.to - region.from < SHORTEST_S) {
      this.setRegion(null);
      return;
    }
    this.chosen = region;
    this.label();
    if (this.clip) this.player.play(this.clip, region);
  }

  private setRegion(region: Region | null): void {
    this.regions.clearRegions();
    this.chosen = region;
    if (region && this.wave.getDuration() > 0) {
      this.drawing = true;
      this.regions.addRegion({ start: region.from, end: region.to, color: cssVariable("--region") });
      this.drawing = false;
    }
    this.label();
  }

  private typed(): void {
    const from = number(this.from.value);
    const to = number(this.to.value);
    const length_s = this.clip?.duration_s ?? 0;
    if (from === null || to === null || to - from < SHORTEST_S || from >= length_s) this.label();
    else this.setRegion({ from, to: Math.min(to, length_s) });
  }

  private label(): void {
    this.regionBox.hidden = this.chosen === null;
    const query = this.clip?.query(this.chosen) ?? null;
    this.searchButton.disabled = sameQuery(query, this.searched);
    if (this.chosen) {
      this.from.value = this.chosen.from.toFixed(2);
      this.to.value = this.chosen.to.toFixed(2);
    }
    const words = this.searchButton.querySelector("span");
    if (words) words.textContent = this.chosen ? "Search by this region" : "Search by this sound";
  }
}

const colours = (): { waveColor: string; progressColor: string; cursorColor: string } => ({
  waveColor: cssVariable("--wave"),
  progressColor: cssVariable("--accent"),
  cursorColor: cssVariable("--text"),
});

function secondsInput(label: string): HTMLInputElement {
  return el("input", { class: "field number", type: "number", min: 0, step: "0.01", inputmode: "decimal", "aria-label": label });
}
