// The keyboard. A key that a field or button needs for itself is left to it.

export interface KeyActions {
  move(step: number): void;
  jump(index: number): void;
  toggle(): void;
  search(): void;
  clear(): void;
  back(): void;
  typeWords(): void;
  help(): void;
}

const PAGE_ROWS = 10;

export function listenToKeys(actions: KeyActions): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    const target = event.target instanceof HTMLElement ? event.target : document.body;
    if (act(event.key, target, actions)) event.preventDefault();
  });
}

function act(key: string, target: HTMLElement, actions: KeyActions): boolean {
  const typing = target.matches("input:not([type=radio]), textarea");
  const pressing = target.matches("button, a, [role=button]");
  if (key === "Escape") {
    if (typing) target.blur();
    if (target instanceof HTMLInputElement && typing && target.value) {
      target.value = "";
      target.dispatchEvent(new Event("input"));
    } else {
      actions.clear();
    }
    return true;
  }
  if (typing) {
    // From the box for words, the list is one key away.
    if (target.id !== "text" || (key !== "ArrowDown" && key !== "Enter")) return false;
    target.blur();
    actions.jump(0);
    return true;
  }
  if (pressing && (key === "Enter" || key === " ")) return false;
  if (target.matches("input[type=radio]") && (key.startsWith("Arrow") || key === " ")) return false;
  return command(key, actions);
}

function command(key: string, actions: KeyActions): boolean {
  const commands: Record<string, () => void> = {
    ArrowDown: () => actions.move(1),
    ArrowUp: () => actions.move(-1),
    PageDown: () => actions.move(PAGE_ROWS),
    PageUp: () => actions.move(-PAGE_ROWS),
    Home: () => actions.jump(0),
    End: () => actions.jump(-1),
    " ": () => actions.toggle(),
    Enter: () => actions.search(),
    Backspace: () => actions.back(),
    "/": () => actions.typeWords(),
    "?": () => actions.help(),
  };
  const chosen = commands[key];
  chosen?.();
  return chosen !== undefined;
}
