import type { Vim } from "vimesh-client/v1/vim";
import { useSession } from "../parts/app_context.js";
import { useChanging, useClock } from "../parts/changing.js";
import { ColumnHeads } from "../parts/column_heads.js";
import { monitorText, useMonitors } from "../parts/monitors.js";
import { Scrolling, Section, StatusBadge } from "../parts/notices.js";
import { lengthText, millis, timeText } from "../parts/times.js";
import { T } from "../texts.js";
import { quorumText } from "./quorum_text.js";

/** What each vantage says of a VIM, and how its status follows from that; nothing of a VIM with one vantage. */
export function Views({ vim }: { vim: Vim }) {
  const { live } = useSession();
  useChanging(live);
  useClock(1_000);
  const { views, status, reason, probePolicy } = vim;
  const monitors = useMonitors(views.length > 0);
  if (views.length === 0) return null;
  const now = live.clock.now();
  const heads = [
    ...[T.views.vantage, T.columns.status, T.columns.reason, T.vim.explanation, T.columns.since, T.views.valid],
    ...(monitors ? [T.views.monitors] : []),
    T.vim.action,
  ];
  return (
    <Section title={T.views.title}>
      <p>{quorumText({ views, status, reason, quorum: probePolicy?.quorum ?? 0 })}</p>
      <Scrolling label={T.views.title}>
        <table>
          <thead>
            <tr>
              <ColumnHeads titles={heads} />
            </tr>
          </thead>
          <tbody>
            {views.map((view) => {
              const since = millis(view.statusTime);
              const until = millis(view.validUntil);
              const there = monitors?.filter(({ vantage }) => vantage === view.vantage);
              return (
                <tr key={view.vantage} data-vantage={view.vantage}>
                  <th scope="row">{view.vantage}</th>
                  <td>
                    <StatusBadge status={view.status} isStale={until !== undefined && live.hasEnded(until)} />
                  </td>
                  <td>{view.reason}</td>
                  <td>{view.detail}</td>
                  <td>{since !== undefined && <time title={timeText(since)}>{lengthText((now - since) / 1000)}</time>}</td>
                  <td>{until === undefined ? T.vim.validNone : until > now ? lengthText((until - now) / 1000) : T.views.ended}</td>
                  {there && <td class={there.length ? "" : "bad"}>{there.map(monitorText).join(", ") || T.views.noMonitor}</td>}
                  <td>{view.actionId}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scrolling>
    </Section>
  );
}
