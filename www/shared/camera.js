/** Access to the visitor's camera. */

/** Asks for a small picture, because the networks' input is small. @returns {Promise<MediaStream>} fails with an error that `why` describes in words */
export async function openCamera() {
  if (!navigator.mediaDevices) throw new DOMException("no camera for this page", "SecurityError");
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 640 }, height: { ideal: 480 } }, audio: false });
}

/** Stops the stream, so that the camera's light goes out. @param {MediaStream | null} stream */
export function closeCamera(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/**
 * Why a camera or a video is not available, as a sentence.
 * @param {unknown} error
 * @param {string} what such as "the camera"
 */
export function why(error, what) {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") return `The browser was not allowed to use ${what}.`;
  if (name === "NotFoundError" || name === "OverconstrainedError") return "No camera was found.";
  if (name === "NotReadableError") return "The camera is in use by another program.";
  if (name === "SecurityError") return "A browser gives the camera only to pages that came by https.";
  return `This browser cannot play ${what}.`;
}
