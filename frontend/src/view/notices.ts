// What the page says in words: figures, problems, empty lists, short confirmations.

import { listErrors } from "../api/client";
import type { LibraryInfo } from "../api/types";
import { byId, el } from "../dom";
import * as format from "../format";

export function showProblem(message: string | null): void {
  const box = byId("problem");
  box.hidden = message === null;
  box.textContent = message ?? "";
}

export const showStatus = (words: string): void => {
  byId("status").textContent = words;
};

export function showNote(...content: (Node | string)[]): void {
  const note = byId("note");
  note.hidden = content.length === 0;
  note.replaceChildren(...content);
}

export function emptyLibraryNote(library: LibraryInfo): Node[] {
  return [
    el("h2", {}, "This library is empty"),
    el("p", {}, "Point it at your sounds; nothing is written beside them:"),
    el("pre", {}, el("code", {}, `soundalike index ~/samples --library ${shellWord(library.path)}`)),
    el("p", {}, "They show up here as they are indexed."),
  ];
}

export function nothingFoundNote(clear: (() => void) | null): Node[] {
  return [
    el("h2", {}, "No sound found"),
    el("p", {}, clear ? "No sound passes these filters." : "The library has nothing to compare this with."),
    ...(clear ? [el("button", { class: "button", type: "button", click: clear }, "Clear filters")] : []),
  ];
}

/** Offer the list of files that could not be used. */
export function offerErrors(library: LibraryInfo): void {
  const button = byId<HTMLButtonElement>("show-errors");
  button.hidden = library.errors === 0;
  button.textContent = `${format.count(library.errors, "file")} could not be used`;
  button.onclick = async () => {
    const failures = await listErrors();
    byId("error-list").replaceChildren(
      ...failures.map((failure) => el("li", {}, el("bdi", { class: "path" }, failure.path), el("span", {}, failure.reason))),
    );
    byId<HTMLDialogElement>("errors").showModal();
  };
}

let toastTimer: number | undefined;

export function toast(words: string): void {
  const box = byId("toast");
  box.textContent = words;
  box.hidden = false;
  window.clearTimeout(toastTimer);
  toastTimer = window.setTimeout(() => {
    box.hidden = true;
  }, 2500);
}

export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // The clipboard interface is for localhost and https only.
    const field = el("textarea", { class: "unseen" });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  toast("Path copied");
}

const shellWord = (text: string): string => (/^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
