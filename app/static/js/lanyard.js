// What scripts add to pages that already work without them.
import { startAsking } from "./asking.js";
import { startAwaiting } from "./awaiting.js";
import { startCalculators } from "./calculator.js";
import { startCatalogue } from "./catalogue.js";
import { startConfirming } from "./confirming.js";
import { startCopying } from "./copying.js";
import { startKeys } from "./keys.js";
import { startLeaving } from "./leaving.js";
import { startMatrices } from "./matrix.js";
import { startMenus } from "./menus.js";
import { startOrdering } from "./ordering.js";
import { startPrinting } from "./printing.js";

document.querySelector("[data-focus]")?.focus();
startLeaving();
startAsking();
startAwaiting();
startCalculators();
startCatalogue();
startConfirming();
startCopying();
startKeys();
startMatrices();
startMenus();
startOrdering();
startPrinting();
