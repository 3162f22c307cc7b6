/** The errors of the package. */

/**
 * The kind of error: `image`: the image cannot be used; `model`: the model file cannot be used; `argument`: an option or a call is not allowed;
 * `download`: an engine or a model could not be fetched, or is incomplete or damaged; `unsupported`: this host lacks a feature that is needed;
 * `engine`: the engine failed, on the CPU too; `closed`: the detector was closed.
 * @typedef {"image" | "model" | "argument" | "download" | "unsupported" | "engine" | "closed"} ErrorCode
 */

/** An error of daad. `message` is a sentence for people, `code` is for programs. After an error the detector may be used again, unless it was closed. */
export class DaadError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "DaadError";
    /** What went wrong. */
    this.code = code;
  }

  /** Each script of the package has its own copy of this class, so `instanceof` compares names: an error of any script is a `DaadError`. @param {unknown} error */
  static [Symbol.hasInstance](error) {
    return error instanceof Error && error.name === "DaadError";
  }
}

/** The message for an engine that trapped, because a trap has no message of its own. */
export const TRAPPED = "the engine stopped unexpectedly";

/** The engine was lost during a request: it trapped, was silent for too long, or its device failed. The request may succeed elsewhere. */
export class Lost extends Error {}

/**
 * An error as a message that can be posted.
 * @param {unknown} error
 * @returns {{ lost: boolean, code: string, message: string, index?: number }}
 */
export function packed(error) {
  if (error instanceof WebAssembly.RuntimeError) return { lost: true, code: "engine", message: TRAPPED }; // the engine is built without panic messages
  const { code = "", message = String(error), index = undefined } = error instanceof Error ? /** @type {Error & { code?: string, index?: number }} */ (error) : {};
  return { lost: code === "engine" || error instanceof Lost, code, message, ...(index === undefined ? {} : { index }) };
}

/**
 * The error of a message.
 * @param {ReturnType<typeof packed>} message
 */
export function unpacked({ lost, code, message, index }) {
  if (lost) return new Lost(message);
  const error = new DaadError(isCode(code) ? code : "engine", sentence(message));
  return index === undefined ? error : Object.assign(error, { index });
}

/** @param {string} code @returns {code is ErrorCode} */
function isCode(code) {
  return ["image", "model", "argument", "download", "unsupported", "engine", "closed"].includes(code);
}

/** An error's message as a sentence. The engine's messages begin with a lower-case letter and have no full stop. @param {unknown} error */
export function sentence(error) {
  const message = error instanceof Error ? error.message : String(error);
  const text = message.replace(/\s+/g, " ").trim() || "something went wrong";
  return capital(text) + (/[.!?]$/.test(text) ? "" : ".");
}

/** @param {string} text */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
