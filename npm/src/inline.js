/**
 * Divide-and-Assemble anomaly detection without workers: the engine beside its caller, on one core of the CPU. For hosts without workers, such as
 * Cloudflare's; `backend` and `threads` have no effect.
 */

export * from "./index.js";
