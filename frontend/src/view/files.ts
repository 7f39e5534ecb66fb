// Files from outside: chosen with the button, or dropped anywhere on the page.

import { byId } from "../dom";

export function listenToFiles(take: (file: File) => void): void {
  const input = byId<HTMLInputElement>("file");
  const veil = byId("drop");
  byId("choose-file").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    input.value = "";
    if (file) take(file);
  });
  let depth = 0; // dragenter and dragleave also come for every element inside
  const carriesFiles = (event: DragEvent): boolean => Boolean(event.dataTransfer?.types.includes("Files"));
  const veilOff = (): void => {
    depth = 0;
    veil.hidden = true;
  };
  document.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (carriesFiles(event) && --depth <= 0) veilOff();
  });
  document.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    veilOff();
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
  });
}
