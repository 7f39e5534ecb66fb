// The list: a grid whose rows are walked with the arrow keys; waveforms are drawn when they come into view.

import type { Hit, Sound } from "../api/types";
import { el, icon, setIcon } from "../dom";
import * as format from "../format";
import { type Clip, shortFolder, soundClip } from "../sound/clip";
import { drawOutline } from "../sound/draw";
import type { Region } from "../state";

const ROW_POINTS = 400;

export interface Row {
  clip: Clip;
  /** The stretch that was found or searched with; null for a whole sound. */
  region: Region | null;
  hit: Hit | null;
  isQuery: boolean;
}

export const soundRow = (sound: Sound): Row => ({ clip: soundClip(sound), region: null, hit: null, isQuery: false });

export const hitRow = (hit: Hit, segments: boolean): Row => ({
  clip: soundClip(hit.sound),
  region: segments ? { from: hit.start_s, to: hit.end_s } : null,
  hit,
  isQuery: false,
});

export interface ResultActions {
  select(row: Row, from_s: number | null): void;
  toggle(row: Row): void;
  search(row: Row): void;
  tag(tag: string): void;
  folder(folder: string): void;
}

export class ResultList {
  private rows: Row[] = [];
  private elements: HTMLElement[] = [];
  private current = -1;
  private playing = -1;
  private readonly seen: IntersectionObserver;
  private readonly resized: ResizeObserver;

  constructor(
    private readonly grid: HTMLElement,
    private readonly actions: ResultActions,
  ) {
    this.seen = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) if (entry.isIntersecting) void this.draw(entry.target as HTMLElement);
      },
      { rootMargin: "300px 0px" },
    );
    let width = 0;
    this.resized = new ResizeObserver(() => {
      if (grid.clientWidth === width) return;
      width = grid.clientWidth;
      this.redraw();
    });
    this.resized.observe(grid);
  }

  get selected(): Row | null {
    return this.rows[this.current] ?? null;
  }

  get length(): number {
    return this.rows.length;
  }

  show(rows: Row[]): void {
    this.seen.disconnect();
    this.rows = [];
    this.elements = [];
    this.current = -1;
    this.playing = -1;
    this.grid.replaceChildren();
    this.append(rows);
  }

  append(rows: Row[]): void {
    const first = this.rows.length;
    const added = rows.map((row, i) => this.element(row, first + i));
    this.rows.push(...rows);
    this.elements.push(...added);
    this.grid.append(...added);
    this.grid.setAttribute("aria-rowcount", String(this.rows.length));
    for (const element of added) this.seen.observe(element);
    if (first === 0) this.elements[0]?.setAttribute("tabindex", "0");
  }

  /** Mark a row as the selected one, bring it into view and put the keyboard there. */
  mark(index: number, focus = true): void {
    const element = this.elements[index];
    if (!element) return;
    const before = this.elements[this.current] ?? this.elements[0];
    before?.setAttribute("aria-selected", "false");
    before?.setAttribute("tabindex", "-1");
    this.current = index;
    element.setAttribute("aria-selected", "true");
    element.setAttribute("tabindex", "0");
    if (focus) element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  /** Select the row so many rows on. */
  move(step: number): void {
    this.jump(this.current < 0 ? 0 : Math.min(this.rows.length - 1, Math.max(0, this.current + step)));
  }

  jump(index: number): void {
    const row = this.rows.at(index);
    if (!row) return;
    this.mark(index < 0 ? this.rows.length + index : index);
    this.actions.select(row, null);
  }

  /** Show which clip plays, and where. */
  playhead(key: string | null, position_s: number, playing: boolean): void {
    const index = playing ? this.indexOf(key) : -1;
    if (index !== this.playing) {
      this.markPlaying(this.playing, false);
      this.markPlaying(index, true);
      this.playing = index;
    }
    const head = this.elements[index]?.querySelector<HTMLElement>(".playhead");
    const length_s = this.rows[index]?.clip.duration_s;
    if (head && length_s) head.style.left = `${Math.min(100, (position_s / length_s) * 100)}%`;
  }

  /** Where a sound stands, -1 for nowhere. It may have several rows, one per segment: the selected one goes first. */
  indexOf(key: string | null): number {
    if (this.selected?.clip.key === key) return this.current;
    return this.rows.findIndex((row) => row.clip.key === key);
  }

  private markPlaying(index: number, playing: boolean): void {
    const element = this.elements[index];
    const button = element?.querySelector(".play");
    if (!element || !button) return;
    element.classList.toggle("playing", playing);
    setIcon(button, playing ? "stop" : "play");
    button.setAttribute("aria-label", `${playing ? "Stop" : "Play"} ${this.rows[index]?.clip.name}`);
  }

  /** Write the folders again, now that the library's places are known. */
  nameFolders(): void {
    for (const [index, element] of this.elements.entries()) {
      const name = element.querySelector(".folder bdi");
      if (name) name.textContent = shortFolder(this.rows[index]?.clip.folder ?? "");
    }
  }

  redraw(): void {
    for (const element of this.elements) {
      element.removeAttribute("data-drawn");
      this.seen.unobserve(element);
      this.seen.observe(element);
    }
  }

  private async draw(element: HTMLElement): Promise<void> {
    const row = this.rows[Number(element.dataset.index)];
    const canvas = element.querySelector("canvas");
    if (!row || !canvas || element.dataset.drawn) return;
    element.dataset.drawn = "yes";
    const peaks = await row.clip.outline(ROW_POINTS);
    if (peaks && canvas.isConnected) drawOutline(canvas, peaks, row.region);
  }

  private element(row: Row, index: number): HTMLElement {
    const { clip, hit } = row;
    const element = el(
      "div",
      {
        class: ["row", clip.trouble && "missing", row.isQuery && "query"].filter(Boolean).join(" "),
        role: "row",
        tabindex: -1,
        "aria-selected": "false",
        "aria-rowindex": index + 1,
        "data-index": index,
        title: clip.trouble,
      },
      el("div", { class: "rank", role: "gridcell" }, row.isQuery ? "query" : String(hit?.rank ?? index + 1)),
      el("div", { class: "act", role: "gridcell" }, this.playButton(row, index)),
      this.nameCell(row),
      this.waveCell(row, index),
      this.tagCell(clip),
      el("div", { class: "length", role: "gridcell" }, clip.duration_s === null ? "" : format.duration(clip.duration_s)),
      el("div", { class: "score", role: "gridcell" }, hit && scoreBar(hit)),
      el("div", { class: "more-like", role: "gridcell" }, this.searchButton(row)),
    );
    element.addEventListener("click", (event) => {
      if ((event.target as Element).closest("button")) return;
      this.mark(index);
      this.actions.select(row, null);
    });
    element.addEventListener("dblclick", (event) => {
      if (!(event.target as Element).closest("button")) this.actions.search(row);
    });
    return element;
  }

  private playButton(row: Row, index: number): HTMLElement {
    const press = (): void => {
      this.mark(index);
      this.actions.toggle(row);
    };
    const label = `Play ${row.clip.name}`;
    return el(
      "button",
      { class: "play", type: "button", tabindex: -1, "aria-label": label, disabled: row.clip.trouble !== null, click: press },
      icon("play"),
    );
  }

  private nameCell({ clip, region, hit }: Row): HTMLElement {
    const where = el(
      "button",
      {
        class: "folder",
        type: "button",
        tabindex: -1,
        title: clip.path ? `Only sounds in ${clip.folder}` : null,
        disabled: clip.path === null,
        click: () => this.actions.folder(clip.folder),
      },
      el("bdi", { title: clip.folder }, shortFolder(clip.folder)),
    );
    return el(
      "div",
      { class: "what", role: "gridcell" },
      el("span", { class: "name", title: clip.path }, el("bdi", {}, clip.name), hit?.same_file && el("em", {}, "same file")),
      el(
        "span",
        { class: "under" },
        region && el("span", { class: "span" }, format.span(region.from, region.to)),
        clip.trouble ? el("span", { class: "reason" }, "file not found") : null,
        where,
      ),
    );
  }

  private waveCell(row: Row, index: number): HTMLElement {
    const cell = el(
      "div",
      { class: "wave", role: "gridcell", "aria-label": "Waveform" },
      el("canvas", { "aria-hidden": "true" }),
      el("span", { class: "playhead", "aria-hidden": "true" }),
    );
    cell.addEventListener("click", (event) => {
      const box = cell.getBoundingClientRect();
      if (!row.clip.duration_s || row.region) return;
      event.stopPropagation();
      this.mark(index);
      this.actions.select(row, ((event.clientX - box.left) / box.width) * row.clip.duration_s);
    });
    return cell;
  }

  private tagCell(clip: Clip): HTMLElement {
    const chips = clip.tags.slice(0, 3).map((tag) =>
      el(
        "button",
        { class: "tag", type: "button", tabindex: -1, title: `Only sounds tagged ${tag}`, click: () => this.actions.tag(tag) },
        tag,
      ),
    );
    return el("div", { class: "tags", role: "gridcell" }, ...chips);
  }

  private searchButton(row: Row): HTMLElement | null {
    if (row.isQuery) return null;
    const label = `Find what sounds like ${row.clip.name}`;
    return el(
      "button",
      { class: "alike", type: "button", tabindex: -1, "aria-label": label, title: "Find what sounds like this (Enter)", click: () => this.actions.search(row) },
      icon("alike"),
    );
  }
}

function scoreBar(hit: Hit): HTMLElement {
  const words = `Nearness ${hit.score.toFixed(2)} of 1; distance ${hit.distance.toPrecision(3)}`;
  const fill = el("span", {});
  fill.style.width = `${Math.round(hit.score * 100)}%`;
  return el(
    "span",
    { class: "bar", role: "meter", "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": hit.score.toFixed(2), "aria-label": words, title: words },
    fill,
  );
}
