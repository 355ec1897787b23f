import { useEffect, useRef, useState } from "preact/hooks";
import { pageOf, PAGES } from "./pages.js";
import { SessionProvider } from "./parts/app_context.js";
import { useChanging, useClock } from "./parts/changing.js";
import { ErrorNotice, errorText } from "./parts/notices.js";
import { address, useRoute } from "./parts/route.js";
import { applyTheme, storedTheme, type Theme } from "./parts/theme.js";
import { clockText, zoneText } from "./parts/times.js";
import type { Session } from "./session/session.js";
import { SignIn } from "./session/sign_in.js";
import { T } from "./texts.js";

export function App({ session }: { session: Session }) {
  useChanging(session);
  const route = useRoute();
  const found = pageOf(route.path);
  const main = useRef<HTMLElement>(null);
  const title = found?.page.title ?? T.product;
  useEffect(() => {
    document.title = `${title} – ${T.product}`;
  }, [title]);
  // Whoever reads by ear or by keyboard begins a new page at its top.
  useEffect(() => main.current?.focus({ preventScroll: true }), [route.path]);

  return (
    <SessionProvider value={session}>
      <header class="top">
        <button type="button" class="skip" onClick={() => main.current?.focus()}>
          {T.skip}
        </button>
        <a class="product" href={address("/")}>
          {T.product}
        </a>
        {session.who && <Menu session={session} path={route.path} />}
        {session.who && session.may("VimService/WatchVims") && <LiveState session={session} />}
      </header>
      <main ref={main} tabIndex={-1} data-path={route.path}>
        {session.mustSignIn ? (
          <SignIn session={session} />
        ) : !session.who ? (
          <Waiting session={session} />
        ) : !found ? (
          <p class="notice">{T.unknownPage}</p>
        ) : !session.may(found.page.rpc) ? (
          <p class="notice">{T.notAllowed}</p>
        ) : (
          <found.page.view key={route.path} route={route} argument={found.argument} />
        )}
      </main>
      <footer class="bottom">
        <Reader session={session} />
        <ThemeChoice />
        <span>{T.zone(zoneText())}</span>
        {session.who?.version && <span>{`${T.product} ${session.who.version}`}</span>}
      </footer>
    </SessionProvider>
  );
}

function Waiting({ session }: { session: Session }) {
  if (session.error === undefined) return <p class="notice">{T.loading}</p>;
  return (
    <>
      <p class="notice">{T.unreachableFront}</p>
      <ErrorNotice error={session.error} />
    </>
  );
}

function Menu({ session, path }: { session: Session; path: string }) {
  const shown = PAGES.filter(({ inMenu, rpc }) => inMenu && session.may(rpc));
  return (
    <nav aria-label={T.menu}>
      {shown.map(({ pattern, title }) => (
        <a key={pattern} href={address(pattern)} aria-current={pattern === path ? "page" : undefined}>
          {title}
        </a>
      ))}
    </nav>
  );
}

/** Whether what is shown is of now. It is looked at every second, because silence sends nothing. */
function LiveState({ session }: { session: Session }) {
  const live = useChanging(session.live);
  useClock(1_000);
  if (!live.heardAt) return <p class="state waits">{T.live.waits}</p>;
  if (!live.isComplete) return <p class="state waits">{T.live.loading(live.cells.size)}</p>;
  if (live.isLive && !live.interruption) return <p class="state live">{T.live.live}</p>;
  const why = live.interruption && T.live.why(errorText(live.interruption));
  return (
    <p class="state lost" role="status" title={why}>
      {T.live.lost(clockText(live.heardAt))}
    </p>
  );
}

function Reader({ session }: { session: Session }) {
  if (!session.who) return null;
  const { identity, roles } = session.who;
  return (
    <span>
      {identity ? `${identity} (${roles.join(", ")})` : T.signIn.nobody}{" "}
      {session.hasToken && (
        <button type="button" class="link" onClick={() => session.signOut()}>
          {T.signIn.out}
        </button>
      )}
    </span>
  );
}

function ThemeChoice() {
  const [theme, setTheme] = useState(storedTheme);
  const choose = (chosen: Theme) => {
    applyTheme(chosen);
    setTheme(chosen);
  };
  return (
    <label>
      {T.theme.label}{" "}
      <select value={theme} onChange={(event) => choose(event.currentTarget.value as Theme)}>
        {(["auto", "light", "dark"] as const).map((one) => (
          <option key={one} value={one}>
            {T.theme[one]}
          </option>
        ))}
      </select>
    </label>
  );
}
