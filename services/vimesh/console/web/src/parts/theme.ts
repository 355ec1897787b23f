export type Theme = "auto" | "light" | "dark";

const KEY = "vimesh.theme";

export function storedTheme(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === "light" || stored === "dark" ? stored : "auto";
}

export function applyTheme(theme: Theme = storedTheme()): void {
  localStorage.setItem(KEY, theme);
  document.documentElement.dataset["theme"] = theme;
  document.documentElement.dispatchEvent(new Event(THEME_CHANGE));
}

/** Sent by the root element when the colours may be others. */
export const THEME_CHANGE = "vimesh-theme";

/** Call a function whenever the colours change, also by the system. Returns what ends that. */
export function onThemeChange(listener: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", listener);
  document.documentElement.addEventListener(THEME_CHANGE, listener);
  return () => {
    system.removeEventListener("change", listener);
    document.documentElement.removeEventListener(THEME_CHANGE, listener);
  };
}

/** A colour of the style sheet, for what is painted. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
