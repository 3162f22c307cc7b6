/**
 * The number to remember of both lessons, the room for a threshold: how much more of the best rebuilt image with a defect comes back wrong than of the
 * worst rebuilt normal one.
 *
 * Errors are mean squared differences of pixels as shares of the largest possible one, 0 to 1: of black and white pixels the share that is wrong.
 */

/** R is of values from -1 to 1, whose largest squared difference is this. */
const LARGEST_SQUARE = 4;

/** @param {number} reconstructionScore R, the mean squared error of the network's values */
export function share(reconstructionScore) {
  return reconstructionScore / LARGEST_SQUARE;
}

/**
 * @param {number} normal the largest error of a normal image
 * @param {number} defective the smallest error of one with a defect
 * @returns {number} negative where no threshold tells them all apart
 */
export function gap(normal, defective) {
  return defective - normal;
}
