import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Session } from "../session/session.js";

const AppContext = createContext<Session | undefined>(undefined);

export const SessionProvider = AppContext.Provider;

export function useSession(): Session {
  const session = useContext(AppContext);
  if (!session) throw new Error("no session");
  return session;
}
