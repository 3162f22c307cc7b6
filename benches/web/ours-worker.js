/** The package's own worker, with its memory recorded. */

import "./memory.js";
import "../worker.js";
