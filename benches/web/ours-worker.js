/** The package's own worker, with its memory known. */

import "./memory.js";
import "../worker.js";
