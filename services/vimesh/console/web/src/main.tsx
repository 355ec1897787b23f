import { render } from "preact";
import { App } from "./app.js";
import { applyTheme } from "./parts/theme.js";
import { readConfig } from "./session/console_config.js";
import { Session } from "./session/session.js";
import "uplot/dist/uPlot.min.css";
import "./style.css";

applyTheme();
const session = new Session(await readConfig());
const root = document.getElementById("app");
// It takes what an issuer has sent out of the address, which says the page to show.
void session.start();
if (root) render(<App session={session} />, root);
