import type { ComponentType } from "preact";
import { CausePage } from "./causes/cause_page.js";
import { CausesPage } from "./causes/causes_page.js";
import { FleetPage } from "./fleet/fleet_page.js";
import { ListPage } from "./list/list_page.js";
import { MaintenancePage } from "./maintenance/maintenance_page.js";
import { OverviewPage } from "./overview/overview_page.js";
import type { Route } from "./parts/route.js";
import { ReceiversPage } from "./receivers/receivers_page.js";
import { T } from "./texts.js";
import { RegisterPage } from "./vim/register_page.js";
import { VimPage } from "./vim/vim_page.js";

export interface PageProps {
  readonly route: Route;
  /** What the pattern of the page leaves open, such as the id of a VIM. */
  readonly argument: string;
}

export interface Page {
  /** The path, of which `*` is the argument. */
  readonly pattern: string;
  readonly title: string;
  /** The RPC without which the page is nothing: readers whose roles do not allow it do not see it in the menu. */
  readonly rpc: string;
  readonly inMenu: boolean;
  readonly view: ComponentType<PageProps>;
}

/** All pages, in the order of the menu. A page of a later subject is one line here. */
export const PAGES: readonly Page[] = [
  { pattern: "/", title: T.pages.overview, rpc: "VimService/WatchVims", inMenu: true, view: OverviewPage },
  { pattern: "/vims", title: T.pages.vims, rpc: "VimService/ListVims", inMenu: true, view: ListPage },
  { pattern: "/vims/*", title: T.pages.vim, rpc: "VimService/GetVim", inMenu: false, view: VimPage },
  { pattern: "/causes", title: T.pages.causes, rpc: "FleetService/ListCauses", inMenu: true, view: CausesPage },
  { pattern: "/causes/*", title: T.pages.cause, rpc: "FleetService/GetCause", inMenu: false, view: CausePage },
  { pattern: "/register", title: T.pages.register, rpc: "VimService/RegisterVim", inMenu: true, view: RegisterPage },
  { pattern: "/fleet", title: T.pages.fleet, rpc: "FleetService/GetFleetStatus", inMenu: true, view: FleetPage },
  {
    pattern: "/maintenance",
    title: T.pages.maintenance,
    rpc: "MaintenanceService/ListMaintenanceWindows",
    inMenu: true,
    view: MaintenancePage,
  },
  { pattern: "/receivers", title: T.pages.receivers, rpc: "ReceiverService/ListReceivers", inMenu: true, view: ReceiversPage },
];

/** Return the page of a path, and its argument. */
export function pageOf(path: string): { page: Page; argument: string } | undefined {
  for (const page of PAGES) {
    if (page.pattern === path) return { page, argument: "" };
    const prefix = page.pattern.slice(0, -1);
    if (page.pattern.endsWith("*") && path.startsWith(prefix) && path.length > prefix.length)
      return { page, argument: path.slice(prefix.length) };
  }
  return undefined;
}
