import { Vim_Status } from "vimesh-client";
import type { View } from "vimesh-client/v1/vim";
import { T } from "../texts.js";

const { REACHABLE, UNREACHABLE } = Vim_Status;

/** What is said of a VIM that several vantages look at. */
export interface Viewed {
  readonly views: readonly Pick<View, "status">[];
  readonly status: Vim_Status;
  readonly reason: string;
  /** How many have to agree; 0: the majority of those that can tell. */
  readonly quorum: number;
}

/** Say in words how the status follows from the views: the counterpart of `vimesh.domain.views.quorum`, which decides. */
export function quorumText({ views, status, reason, quorum }: Viewed): string {
  const unreachable = countOf(views, UNREACHABLE);
  const reachable = countOf(views, REACHABLE);
  const tellers = unreachable + reachable;
  const needed = quorum || Math.floor(tellers / 2) + 1;
  const isBoth = unreachable >= needed && reachable >= needed;
  const follows = status === UNREACHABLE && isBoth ? T.views.both : T.views.follows(status, reason);
  return `${saidText(views)} ${quorum ? T.views.needed(quorum) : T.views.majority(tellers, needed)}, ${follows}`;
}

/** Say how many say what. */
export function saidText(views: readonly Pick<View, "status">[]): string {
  const unreachable = countOf(views, UNREACHABLE);
  const reachable = countOf(views, REACHABLE);
  return T.views.said(views.length, reachable, unreachable, views.length - reachable - unreachable);
}

function countOf(views: readonly Pick<View, "status">[], status: Vim_Status): number {
  return views.filter((view) => view.status === status).length;
}
