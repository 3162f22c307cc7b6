/** Files of the site, read with progress. Counts what arrives after decompression: `content-length` is of the compressed file. */

/** @typedef {import("./protocol.js").SiteFile} SiteFile */

/**
 * The address of a file, changed by its content: so a browser may keep it for ever.
 * @param {SiteFile} file
 */
export function address({ file, hash }) {
  return new URL(`./${file}?v=${hash}`, import.meta.url).href;
}

/**
 * A response whose body reports each chunk's size as it is read, and a promise that it came whole. Await both:
 * browsers hide the reason when a body breaks off, and `whole` has it in words.
 * @param {SiteFile} file
 * @param {(bytes: number) => void} onChunk
 * @returns {Promise<{ response: Response, whole: Promise<void> }>}
 */
export async function download(file, onChunk) {
  const response = await fetch(address(file)).catch(() => null);
  if (!response) throw new Error(`${file.file} could not be downloaded: check the connection and reload the page.`);
  if (!response.ok || !response.body) throw new Error(`${file.file} could not be downloaded: the server answered ${response.status}.`);
  const reader = response.body.getReader();
  const { body, whole } = counted(reader, file, onChunk);
  return { response: new Response(body, { headers: { "content-type": response.headers.get("content-type") ?? "" } }), whole };
}

/**
 * @param {ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>} reader
 * @param {SiteFile} file
 * @param {(bytes: number) => void} onChunk
 */
function counted(reader, { file, bytes }, onChunk) {
  let received = 0;
  /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */
  let body = new ReadableStream();
  /** @type {Promise<void>} */
  const whole = new Promise((resolve, reject) => {
    body = new ReadableStream({
      async pull(controller) {
        const step = await reader.read().catch(() => null);
        if (step && !step.done) {
          received += step.value.byteLength;
          onChunk(step.value.byteLength);
          controller.enqueue(step.value);
        } else if (step && received === bytes) {
          resolve();
          controller.close();
        } else {
          const error = new Error(`${file} is damaged or broke off: ${received} bytes came where ${bytes} were expected.`);
          reject(error);
          controller.error(error);
        }
      },
    });
  });
  whole.catch(() => {}); // a caller that failed earlier awaits it no more
  return { body, whole };
}
