/**
 * The number to remember of both lessons: how much more of an image with a defect comes back wrong than of a normal one.
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
 * @param {number} normal
 * @param {number} defective
 * @returns {number} negative where the normal image comes back worse
 */
export function gap(normal, defective) {
  return defective - normal;
}
