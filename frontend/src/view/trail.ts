// The queries that led here, oldest first, kept in the entries of the browser's history.

import { el, icon } from "../dom";

export interface Crumb {
  label: string;
  search: string;
}

export function showTrail(nav: HTMLElement, crumbs: Crumb[], back: () => void, go: (index: number) => void): void {
  nav.hidden = crumbs.length < 2;
  const items = crumbs.map((crumb, index) =>
    index === crumbs.length - 1
      ? el("li", {}, el("span", { "aria-current": "page" }, el("bdi", {}, crumb.label)))
      : el("li", {}, el("button", { class: "link", type: "button", click: () => go(index) }, el("bdi", {}, crumb.label))),
  );
  nav.replaceChildren(
    el("button", { class: "button small", type: "button", title: "Back to the query before (Backspace)", click: back }, icon("back"), el("span", {}, "Back")),
    el("ol", {}, ...items),
  );
}
