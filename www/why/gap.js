/**
 * The gap, which both Fig. 1 and Fig. 5 show: the smallest error of an image with a defect minus the largest error of a normal image. If it is positive,
 * a threshold between the two tells all images apart.
 *
 * An error is the mean squared difference of pixels as a share of the largest possible difference, 0 to 1. For black and white pixels this is the share of wrong pixels.
 */

/** The largest squared difference of two values from -1 to 1, the range that R is computed in. */
const LARGEST_SQUARE = 4;

/** @param {number} reconstructionScore R, the mean squared error of the network's values */
export function share(reconstructionScore) {
  return reconstructionScore / LARGEST_SQUARE;
}

/**
 * @param {number} normal the largest error of a normal image
 * @param {number} defective the smallest error of one with a defect
 * @returns {number} negative if no threshold tells all images apart
 */
export function gap(normal, defective) {
  return defective - normal;
}
