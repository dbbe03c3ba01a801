// What scripts add to pages that already work without them.
import { startAwaiting } from "./awaiting.js";
import { startCalculators } from "./calculator.js";
import { startCatalogue } from "./catalogue.js";
import { startConfirming } from "./confirming.js";
import { startLeaving } from "./leaving.js";
import { startKeys } from "./keys.js";
import { startMenus } from "./menus.js";
import { startOrdering } from "./ordering.js";
import { startPrinting } from "./printing.js";

document.querySelector("[data-focus]")?.focus();
startLeaving();
startAwaiting();
startCalculators();
startCatalogue();
startConfirming();
startKeys();
startMenus();
startOrdering();
startPrinting();
