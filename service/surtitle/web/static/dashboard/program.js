// The program on the person's computer that runs the service: start with the computer, updates, log, end.

import { changeProgram, runProgramAction } from "../overlay/shared/api.js";
import { element, part, write } from "../overlay/shared/dom.js";
import { t } from "../overlay/shared/i18n.js";
import { showProgress } from "./model.js";

/** @import { ProgramStatus, ProgramUpdate } from "../overlay/shared/protocol.js" */

const section = element("program");
const autostart = part(section, "[name=autostart]", HTMLInputElement);
const checkForUpdates = part(section, "[name=check-for-updates]", HTMLInputElement);
const button = part(section, ".update", HTMLButtonElement);
const problem = part(section, ".form-status");
/** What the button does now. @type {"check" | "fetch" | "restart"} */
let action = "check";
let restarting = false;
/** Whether the service has ended to come back as another version. */
let lost = false;

autostart.addEventListener("change", () => run(() => changeProgram({ autostart: autostart.checked })));
checkForUpdates.addEventListener("change", () =>
  run(() => changeProgram({ check_for_updates: checkForUpdates.checked })));
button.addEventListener("click", () => {
  restarting = action === "restart";
  return run(() => runProgramAction(action));
});
part(section, ".logs").addEventListener("click", () => run(() => runProgramAction("logs")));
part(section, ".quit").addEventListener("click", () => {
  const sure = confirm(t("Quit Surtitle? Captions end until it is started again."));
  return sure ? run(() => runProgramAction("quit")) : undefined;
});

/** Show the program; null if the service was started in another way. @param {ProgramStatus | null} program */
export function showProgram(program) {
  if (lost) location.reload(); // this page is still that of the previous version
  section.hidden = !program;
  if (!program) return;
  autostart.checked = program.autostart;
  checkForUpdates.checked = program.check_for_updates;
  for (const part of section.querySelectorAll(".updates")) {
    if (part instanceof HTMLElement) part.hidden = program.update.state === "unsupported";
  }
  showUpdate(program.update);
}

/** The service has gone. */
export function noteLoss() {
  lost = restarting;
}

/** @param {ProgramUpdate} update */
function showUpdate({ state, version, done, message }) {
  action = "check";
  if (state === "available") action = "fetch";
  if (state === "ready") action = "restart";
  button.disabled = state === "checking" || state === "fetching";
  write(button, {
    check: t("Check for updates"),
    fetch: t("Download version {version}", { version }),
    restart: t("Restart as version {version}", { version }),
  }[action]);
  write(part(section, ".updates .state"), describe(state, version, message));
  showProgress(part(section, "progress", HTMLProgressElement), state === "fetching" ? { done } : null);
}

/** @param {ProgramUpdate["state"]} state @param {string} version @param {string} message */
function describe(state, version, message) {
  switch (state) {
    case "checking":
      return t("Checking…");
    case "current":
      return t("This is the newest version.");
    case "available":
      return t("Version {version} is available.", { version });
    case "fetching":
      return t("Version {version} is being downloaded.", { version });
    case "ready":
      return t("Captions pause for about half a minute while it restarts.");
    case "failed":
      return message;
    default:
      return "";
  }
}

/** @param {() => Promise<unknown>} request */
async function run(request) {
  try {
    await request();
    write(problem, "");
  } catch (error) {
    write(problem, error instanceof Error ? error.message : String(error));
  }
}
