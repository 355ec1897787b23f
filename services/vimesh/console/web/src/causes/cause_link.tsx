import type { VimCause_Kind } from "vimesh-client/v1/vim";
import { address } from "../parts/route.js";
import { causeText } from "../texts.js";

interface CauseLinkProps {
  readonly causeId: string;
  readonly kind: VimCause_Kind;
  readonly subject: string;
}

/** A cause by what it is, such as `network 192.0.2.0/24`, that leads to its page. */
export function CauseLink({ causeId, kind, subject }: CauseLinkProps) {
  return <a href={address(`/causes/${causeId}`)}>{`${causeText(kind)} ${subject}`}</a>;
}
