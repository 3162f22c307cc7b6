/** An animation, once for each image: the reconstruction is assembled from its blocks, as in the network. */

const TIME_MS = 500;
/** The size of the blocks at the start of the animation, as a share of their final size. */
const FIRST_SIZE = 0.55;

let turns = 0;

/**
 * Runs the animation, which ends with the unchanged reconstruction. A later call ends an earlier animation.
 * @param {HTMLCanvasElement} canvas that shows the reconstruction
 * @param {{ width: number, height: number }} division blocks along each side
 */
export function assemble(canvas, { width: columns, height: rows }) {
  const context = canvas.getContext("2d");
  const whole = new OffscreenCanvas(canvas.width, canvas.height);
  whole.getContext("2d")?.drawImage(canvas, 0, 0);
  const turn = ++turns;
  const [blockWidth, blockHeight] = [canvas.width / columns, canvas.height / rows];
  const start = performance.now();

  /** @param {number} now */
  function frame(now) {
    if (!context || turn !== turns) return;
    const done = Math.min(1, Math.max(0, now - start) / TIME_MS);
    const size = FIRST_SIZE + (1 - FIRST_SIZE) * (1 - (1 - done) ** 3);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (done === 1) return context.drawImage(whole, 0, 0);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const [x, y] = [column * blockWidth, row * blockHeight];
        const [left, top] = [x + (blockWidth * (1 - size)) / 2, y + (blockHeight * (1 - size)) / 2];
        context.drawImage(whole, x, y, blockWidth, blockHeight, left, top, blockWidth * size, blockHeight * size);
      }
    }
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
}

/** Ends the animation, because other content is about to be drawn on the canvas. */
export function leave() {
  turns++;
}
