// The row of filters, and the box for words above it.

import type { LibraryInfo, TagCount } from "../api/types";
import { byId, debounce, el, icon } from "../dom";
import { type Filters, hasFilters, number } from "../state";

export class FilterBar {
  private tags: string[] = [];
  private readonly text = byId<HTMLInputElement>("text");
  private readonly addTag = byId<HTMLInputElement>("add-tag");
  private readonly under = byId<HTMLInputElement>("under");
  private readonly min = byId<HTMLInputElement>("min-s");
  private readonly max = byId<HTMLInputElement>("max-s");
  private readonly chips = byId("chips");
  private readonly clear = byId("clear-filters");
  private readonly modes = document.querySelectorAll<HTMLInputElement>('input[name="mode"]');
  private known = new Set<string>();

  constructor(
    private readonly changed: (filters: Filters) => void,
    modeChanged: (segments: boolean) => void,
  ) {
    const soon = debounce(200, () => this.tell());
    for (const input of [this.text, this.under, this.min, this.max]) input.addEventListener("input", soon);
    byId("find").addEventListener("submit", (event) => event.preventDefault());
    this.addTag.addEventListener("change", () => this.takeTag());
    this.addTag.addEventListener("input", () => {
      if (this.known.has(this.addTag.value)) this.takeTag(); // chosen from the list of tags
    });
    this.clear.addEventListener("click", () => changed({ text: "", tags: [], under: "", min_s: null, max_s: null }));
    for (const mode of this.modes) mode.addEventListener("change", () => modeChanged(mode.value === "segments"));
  }

  offer(tags: TagCount[], library: LibraryInfo): void {
    this.known = new Set(tags.map((entry) => entry.tag));
    byId("all-tags").replaceChildren(
      ...tags.slice(0, 500).map(({ tag, sounds }) => el("option", { value: tag, label: `${tag} (${sounds})` })),
    );
    byId("all-roots").replaceChildren(...library.roots.map((root) => el("option", { value: root })));
  }

  /** Show the filters of a view, leaving alone the field that is typed into. */
  show(filters: Filters, segments: boolean, searching: boolean): void {
    this.tags = filters.tags;
    put(this.text, filters.text);
    put(this.under, filters.under);
    put(this.min, filters.min_s === null ? "" : String(filters.min_s));
    put(this.max, filters.max_s === null ? "" : String(filters.max_s));
    for (const mode of this.modes) mode.checked = (mode.value === "segments") === segments;
    byId("mode").hidden = !searching;
    this.clear.hidden = !hasFilters(filters);
    this.chips.replaceChildren(...this.tags.map((tag) => this.chip(tag)));
  }

  private chip(tag: string): HTMLElement {
    const drop = (): void => this.changed({ ...this.read(), tags: this.tags.filter((other) => other !== tag) });
    return el("button", { class: "chip", type: "button", "aria-label": `Remove the tag ${tag}`, click: drop }, tag, icon("close"));
  }

  private takeTag(): void {
    const tag = this.addTag.value.trim();
    this.addTag.value = "";
    if (tag && !this.tags.includes(tag)) this.changed({ ...this.read(), tags: [...this.tags, tag] });
  }

  private tell(): void {
    this.changed(this.read());
  }

  private read(): Filters {
    return {
      text: this.text.value.trim(),
      tags: this.tags,
      under: this.under.value.trim(),
      min_s: number(this.min.value),
      max_s: number(this.max.value),
    };
  }
}

function put(input: HTMLInputElement, value: string): void {
  if (document.activeElement === input && input.value.trim() === value) return;
  if (input.value !== value) input.value = value;
}
