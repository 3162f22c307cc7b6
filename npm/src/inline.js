/**
 * Divide-and-Assemble anomaly detection without workers: the engine runs in the caller's thread, on one core of the CPU. For hosts without workers, such as
 * Cloudflare's; `backend`, `threads` and `patienceMs` have no effect.
 */

export * from "./index.js";
