// What scripts add to pages that already work without them.
import { startCalculators } from "./calculator.js";
import { startConfirming } from "./confirming.js";
import { startMenus } from "./menus.js";

document.querySelector("[data-focus]")?.focus();
startCalculators();
startConfirming();
startMenus();
