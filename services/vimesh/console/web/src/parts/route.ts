import { useEffect, useState } from "preact/hooks";

/** Where the reader is: the part of the address after `#`, so that the page works behind any prefix. */
export interface Route {
  /** Such as `/vims/3f0c…`. */
  readonly path: string;
  readonly query: URLSearchParams;
}

export function currentRoute(): Route {
  const [path, query] = location.hash.slice(1).split("?", 2);
  return { path: path || "/", query: new URLSearchParams(query ?? "") };
}

export function address(path: string, query: Readonly<Record<string, string>> = {}): string {
  const set = Object.entries(query).filter(([, value]) => value !== "");
  return `#${path}${set.length ? `?${new URLSearchParams(set)}` : ""}`;
}

export function go(path: string, query: Readonly<Record<string, string>> = {}): void {
  location.hash = address(path, query);
}

/** Write what is shown into the address, without a step in the history. */
export function replace(path: string, query: Readonly<Record<string, string>>): void {
  history.replaceState(null, "", address(path, query));
}

export function useRoute(): Route {
  const [route, setRoute] = useState(currentRoute);
  useEffect(() => {
    const listen = () => setRoute(currentRoute());
    addEventListener("hashchange", listen);
    return () => removeEventListener("hashchange", listen);
  }, []);
  return route;
}
