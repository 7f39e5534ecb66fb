// The page: what is looked at (the view), how it changes, and who is told.

import { ApiError, getLibrary, listTags } from "./api/client";
import type { LibraryInfo } from "./api/types";
import { byId } from "./dom";
import * as format from "./format";
import { type Answer, answer, CannotAsk } from "./searcher";
import { type Clip, heldFile, holdFile, knowRoots } from "./sound/clip";
import { Player } from "./sound/player";
import { type Filters, hasFilters, noFilters, type Query, type Region, sameQuery, type View, viewFromSearch, viewToSearch } from "./state";
import { Dock } from "./view/dock";
import { listenToFiles } from "./view/files";
import { FilterBar } from "./view/filters";
import { listenToKeys } from "./view/keys";
import { copyText, emptyLibraryNote, nothingFoundNote, offerErrors, showNote, showProblem, showStatus } from "./view/notices";
import { ResultList, type Row } from "./view/results";
import { type Crumb, showTrail } from "./view/trail";

const EMPTY_AGAIN_MS = 4000;

/** The queries that led here, and how many of them have an entry of their own in the browser's history. */
interface Trail {
  crumbs: Crumb[];
  entries: number;
}

class Page {
  private view: View = viewFromSearch(location.search);
  private trail: Trail = readTrail(this.view);
  private library: LibraryInfo | null = null;
  private loading = new AbortController();
  private waiting: number | undefined;
  private more: Answer["more"] = null;
  private readonly end = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) void this.showMore();
  });

  private readonly player = new Player(byId<HTMLAudioElement>("audio"));
  private readonly dock = new Dock(byId("dock"), this.player, {
    search: (clip, region) => this.searchBy(clip, region),
    copyPath: (path) => void copyText(path),
  });
  private readonly list = new ResultList(byId("results"), {
    select: (row, from_s) => this.select(row, from_s),
    toggle: (row) => this.toggle(row),
    search: (row) => this.searchBy(row.clip, row.region),
    tag: (tag) => this.filter({ ...this.view.filters, tags: [...new Set([...this.view.filters.tags, tag])] }),
    folder: (folder) => this.filter({ ...this.view.filters, under: folder }),
  });
  private readonly bar = new FilterBar(
    (filters) => this.filter(filters),
    (segments) => this.go({ ...this.view, segments }, "replace"),
  );

  constructor() {
    window.addEventListener("popstate", () => {
      this.view = viewFromSearch(location.search);
      this.trail = readTrail(this.view);
      void this.render(false, true);
    });
    for (const kind of ["state", "time"]) this.player.addEventListener(kind, () => this.playhead());
    this.player.addEventListener("trouble", (event) => showProblem((event as CustomEvent<string>).detail));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.dock.recolour();
      this.list.redraw();
    });
    byId("show-keys").addEventListener("click", () => byId<HTMLDialogElement>("keys").showModal());
    byId("more").addEventListener("click", () => void this.showMore());
    listenToFiles((file) => this.takeFile(file));
    this.listenToKeys();
  }

  async start(): Promise<void> {
    await Promise.all([this.render(), this.meetLibrary()]);
  }

  private async meetLibrary(): Promise<void> {
    try {
      const [library, tags] = await Promise.all([getLibrary(), listTags()]);
      this.library = library;
      this.bar.offer(tags, library);
      knowRoots(library.roots);
      this.list.nameFolders();
      byId("filters").hidden = library.sounds === 0;
      offerErrors(library);
      if (library.sounds === 0) this.waitForSounds(library);
    } catch (error) {
      this.complain(error);
    }
  }

  /** An empty library is looked at again until it has sounds. */
  private waitForSounds(library: LibraryInfo): void {
    showNote(...emptyLibraryNote(library));
    showStatus("");
    window.clearTimeout(this.waiting);
    this.waiting = window.setTimeout(() => void this.start(), EMPTY_AGAIN_MS);
  }

  /** Look at something else; "push" makes it a step that Back undoes. */
  private go(view: View, step: "push" | "replace", label = listingLabel(view), play = false): void {
    const search = viewToSearch(view);
    const last = this.crumbs.length - 1;
    if (step === "push") {
      this.trail = { crumbs: [...this.crumbs, { label, search }], entries: this.trail.entries + 1 };
    } else {
      const rename = (crumb: Crumb): Crumb => ({ label: view.query ? crumb.label : label, search });
      this.trail.crumbs = this.crumbs.map((crumb, i) => (i === last ? rename(crumb) : crumb));
    }
    this.view = view;
    if (step === "push") history.pushState(this.trail, "", search || "/");
    else history.replaceState(this.trail, "", search || "/");
    void this.render(play);
  }

  private get crumbs(): Crumb[] {
    return this.trail.crumbs;
  }

  /** Go back to an earlier query: along the browser's history, or without it where a link led here. */
  private goToCrumb(index: number): void {
    const steps = this.crumbs.length - 1 - index;
    if (index < 0 || steps <= 0) return;
    if (steps <= this.trail.entries) {
      history.go(-steps);
      return;
    }
    this.trail.crumbs = this.crumbs.slice(0, index + 1);
    this.go(viewFromSearch(this.crumbs[index]?.search ?? ""), "replace");
  }

  private back(): void {
    this.goToCrumb(this.crumbs.length - 2);
  }

  private async render(play = false, returning = false): Promise<void> {
    this.loading.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    this.bar.show(this.view.filters, this.view.segments, this.view.query !== null);
    this.showTrail();
    byId("results").setAttribute("aria-busy", "true");
    try {
      const found = await answer(this.view, signal);
      if (signal.aborted) return;
      showProblem(null);
      this.fill(found, play, returning);
    } catch (error) {
      if (signal.aborted) return;
      this.list.show([]);
      this.setMore(null);
      showStatus("");
      showNote();
      this.complain(error);
    }
    byId("results").setAttribute("aria-busy", "false");
  }

  private fill(found: Answer, play: boolean, returning: boolean): void {
    this.list.show(found.query ? [found.query, ...found.rows] : found.rows);
    this.setMore(found.more);
    const empty = found.rows.length === 0;
    if (empty && this.library?.sounds === 0) this.waitForSounds(this.library);
    else {
      showStatus(found.status);
      const clear = hasFilters(this.view.filters) ? (): void => this.filter(noFilters()) : null;
      showNote(...(empty ? nothingFoundNote(clear) : []));
    }
    this.dock.setSearched(this.view.query);
    if (found.query) this.nameLastCrumb(found.query.clip, found.query.region);
    document.title = this.crumbs.length > 1 ? `${this.crumbs.at(-1)?.label} – soundalike` : "soundalike";
    const keep = (returning || !found.query) && this.dock.clip !== null;
    const before = keep ? this.list.indexOf(this.dock.clip?.key ?? null) : -1;
    if (before >= 0) this.list.mark(before, !(document.activeElement instanceof HTMLInputElement));
    else if (found.query) this.settle(found.query, play);
    this.playhead();
  }

  /** Take the query as the selected row, so that the next key goes to the best hit. */
  private settle(query: Row, play: boolean): void {
    const typing = document.activeElement instanceof HTMLInputElement;
    this.list.mark(0, !typing);
    window.scrollTo({ top: 0 });
    this.dock.show(query.clip, query.region);
    if (play) this.player.play(query.clip, query.region);
  }

  private nameLastCrumb(clip: Clip, region: Region | null): void {
    const last = this.crumbs.at(-1);
    if (!last) return;
    last.label = crumbLabel(clip, region);
    history.replaceState(this.trail, "");
    this.showTrail();
  }

  private showTrail(): void {
    showTrail(
      byId("trail"),
      this.crumbs,
      () => this.back(),
      (index) => this.goToCrumb(index),
    );
  }

  private async showMore(): Promise<void> {
    const more = this.more;
    if (!more) return;
    this.setMore(null);
    try {
      const { signal } = this.loading;
      const found = await more(signal);
      if (signal.aborted) return;
      this.list.append(found.rows);
      showStatus(found.status);
      this.setMore(found.more);
    } catch (error) {
      this.complain(error);
    }
  }

  private setMore(more: Answer["more"]): void {
    this.more = more;
    byId("more").hidden = more === null;
    // Observed anew each time: a page that comes within one frame leaves it in view without an event.
    this.end.disconnect();
    if (more) this.end.observe(byId("more"));
  }

  private filter(filters: Filters): void {
    this.go({ ...this.view, filters }, "replace");
  }

  private searchBy(clip: Clip, region: Region | null): void {
    const query: Query = clip.query(region);
    if (sameQuery(query, this.view.query)) return;
    // Words found this sound; what sounds like it may have any name.
    const view = { ...this.view, query, filters: { ...this.view.filters, text: "" } };
    this.go(view, "push", crumbLabel(clip, region));
  }

  private takeFile(file: File): void {
    const clip = heldFile(holdFile(file))?.clip;
    if (!clip) return;
    const view = { ...this.view, query: clip.query(null), filters: { ...this.view.filters, text: "" } };
    this.go(view, "push", clip.name, true);
  }

  private select(row: Row, from_s: number | null): void {
    showProblem(null);
    this.dock.show(row.clip, row.region);
    if (from_s === null) this.player.play(row.clip, row.region);
    else this.player.play(row.clip, null, from_s);
    this.playhead();
  }

  private toggle(row: Row): void {
    const plays = this.player.playing && this.player.clip?.key === row.clip.key;
    if (plays) this.player.stop();
    else this.select(row, null);
  }

  private playhead(): void {
    const { clip, playing, position_s } = this.player;
    this.list.playhead(clip?.key ?? null, position_s, playing);
    this.dock.playhead();
  }

  private clear(): void {
    const { clip, region } = this.dock;
    if (clip && region && !sameQuery(this.view.query, clip.query(region))) this.dock.clearRegion();
    else if (this.view.query) this.goToCrumb(0);
    else if (hasFilters(this.view.filters)) this.filter(noFilters());
    else {
      this.player.stop();
      this.dock.hide();
    }
  }

  private complain(error: unknown): void {
    if (error instanceof ApiError || error instanceof CannotAsk) showProblem(error.message);
    else if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
  }

  private listenToKeys(): void {
    listenToKeys({
      move: (step) => this.list.move(step),
      jump: (index) => this.list.jump(index),
      toggle: () => this.dock.toggle(),
      search: () => {
        if (this.dock.clip) this.searchBy(this.dock.clip, this.dock.region);
      },
      clear: () => this.clear(),
      back: () => this.back(),
      typeWords: () => byId<HTMLInputElement>("text").select(),
      help: () => byId<HTMLDialogElement>("keys").showModal(),
    });
  }
}

const crumbLabel = (clip: Clip, region: Region | null): string =>
  region ? `${clip.name} ${format.span(region.from, region.to)}` : clip.name;

const listingLabel = (view: View): string => (view.filters.text ? `“${view.filters.text}”` : "All sounds");

function readTrail(view: View): Trail {
  const kept = history.state as Trail | null;
  if (kept) return kept;
  const here = { label: view.query ? "…" : listingLabel(view), search: location.search };
  return { crumbs: view.query ? [{ label: "All sounds", search: "" }, here] : [here], entries: 0 };
}

void new Page().start();
