"""Golden values of the metrics, from scikit-learn and SciPy.

    pip install numpy scipy scikit-learn
    python make_metrics.py           # writes metrics.json beside this file

    images    scores and labels (1 = anomalous) with AUROC, average precision, best F1 with its lowest threshold,
              and the ROC curve; its first threshold, infinity, is left out
    pixels    per case a list of score maps (float32, row by row) with masks, null where all is normal; with pixel
              AUROC and AUPRO. AUPRO by brute force: at each distinct score the mean share of each region's pixels at
              or above it, against the share of false positives, integrated up to 0.3
    files     the same of masks as files have them: larger than the maps, several for an image, of any numbers; a pixel
              of the map is anomalous if any pixel of any mask is that it overlaps
"""

import json
from pathlib import Path

import numpy as np
from scipy.ndimage import label
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

LIMIT = 0.3


def image_case(name, scores, labels):
    scores, labels = np.asarray(scores, float), np.asarray(labels, int)
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    sums = precision + recall
    f1 = (2 * precision * recall / np.where(sums > 0, sums, 1))[:-1]
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)[0]  # thresholds rise: the lowest
    false_positives, true_positives, roc_thresholds = roc_curve(labels, scores, drop_intermediate=False)
    return {
        "name": name,
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "auroc": roc_auc_score(labels, scores),
        "average_precision": average_precision_score(labels, scores),
        "best_f1": f1[best],
        "best_f1_threshold": thresholds[best],
        "false_positive_rates": false_positives.tolist(),
        "true_positive_rates": true_positives.tolist(),
        "thresholds": roc_thresholds[1:].tolist(),
    }


def aupro(maps, masks):
    regions = []
    for index, mask in enumerate(masks):
        labelled, count = label(mask, structure=np.ones((3, 3)))
        regions += [maps[index][labelled == region] for region in range(1, count + 1)]
    normal = np.concatenate([scores[~mask] for scores, mask in zip(maps, masks)])
    x, y = [0.0], [0.0]
    for threshold in np.unique(np.concatenate([scores.ravel() for scores in maps]))[::-1]:
        x.append(np.mean(normal >= threshold))
        y.append(np.mean([np.mean(region >= threshold) for region in regions]))
    x, y = np.array(x), np.array(y)
    below = x <= LIMIT
    # At a step the curve is the segment that crosses the limit, from the last point left of it.
    last = np.flatnonzero(below)[-1]
    if x[last] < LIMIT:
        share = (LIMIT - x[last]) / (x[last + 1] - x[last])
        end = y[last] + share * (y[last + 1] - y[last])
        return np.trapezoid(np.append(y[below], end), np.append(x[below], LIMIT)) / LIMIT
    return np.trapezoid(y[below], x[below]) / LIMIT


def pixel_case(name, maps, masks):
    height, width = maps[0].shape
    maps = [scores.astype(np.float32) for scores in maps]
    full = [np.zeros((height, width), bool) if mask is None else mask for mask in masks]
    labels = np.concatenate([mask.ravel() for mask in full])
    return {
        "name": name,
        "width": width,
        "images": [
            {"scores": scores.ravel().tolist(), "mask": None if mask is None else mask.ravel().astype(int).tolist()}
            for scores, mask in zip(maps, masks)
        ],
        "auroc": roc_auc_score(labels, np.concatenate([scores.ravel() for scores in maps])),
        "aupro": aupro(maps, full),
    }


def covered(masks, shape):
    """Which pixels of a smaller map overlap an anomalous pixel of any of the masks."""
    def overlapped(at, size, mapped):
        return slice(at * size // mapped, -(-(at + 1) * size // mapped))

    cover = np.zeros(shape, bool)
    for mask in masks:
        for y, x in np.ndindex(shape):
            rows, columns = overlapped(y, mask.shape[0], shape[0]), overlapped(x, mask.shape[1], shape[1])
            cover[y, x] |= mask[rows, columns].any()
    return cover


def file_case(rng):
    shape, size = (12, 16), (30, 40)
    images = []
    for count in (1, 2, 3, 0):
        masks = []
        for number in range(count):
            mask = np.zeros(size, int)
            y, x = rng.integers(0, size[0] - 9), rng.integers(0, size[1] - 9)
            mask[y : y + rng.integers(1, 9), x : x + rng.integers(1, 9)] = (1, 100, 255)[number]
            masks.append(mask)
        images.append(masks)
    covers = [covered(masks, shape) for masks in images]
    maps = [(rng.integers(0, 50, shape) + 20 * cover) / 50 for cover in covers]
    case = pixel_case("files", maps, covers)
    for image, masks in zip(case["images"], images):
        image["mask"] = None
        image["files"] = [mask.ravel().tolist() for mask in masks]
    return case | {"file_width": size[1]}


def main():
    rng = np.random.default_rng(7)
    images = [
        image_case("perfect", [1, 2, 3, 4], [0, 0, 1, 1]),
        image_case("reversed", [4, 3, 2, 1], [0, 0, 1, 1]),
        image_case("all equal", [0.5] * 7, [0, 1, 0, 0, 1, 1, 0]),
        image_case("one of each", [-1.5, -2.5], [0, 1]),
        image_case("one anomalous", np.round(rng.normal(size=30), 1), [1] + [0] * 29),
        image_case("zeros of both signs", [0.0, -0.0, 0.0, 1.0, -1.0], [1, 0, 0, 1, 0]),
    ]
    for count, decimals in [(50, 0), (200, 1), (120, 12)]:
        labels = rng.integers(0, 2, count)
        scores = np.round(rng.normal(size=count) + labels, decimals)
        images.append(image_case(f"{count} scores to {decimals} decimals", scores, labels))

    def blobs(shape, share):
        return rng.random(shape) < share

    pixels = [
        pixel_case("ties everywhere", [np.ones((4, 5))] * 2, [blobs((4, 5), 0.3), None]),
        pixel_case("perfect", [np.eye(6)], [np.eye(6, dtype=bool)]),
    ]
    for name, levels in [("few levels", 3), ("some levels", 20), ("all different", 10**6)]:
        masks = [blobs((12, 9), share) for share in (0.1, 0.25)] + [None, None, np.zeros((12, 9), bool)]
        maps = [
            rng.integers(0, levels, (12, 9)) / levels + (0 if mask is None else 0.3 * mask * rng.random())
            for mask in masks
        ]
        pixels.append(pixel_case(name, maps, masks))

    path = Path(__file__).parent / "metrics.json"
    path.write_text(json.dumps({"images": images, "pixels": pixels, "files": file_case(rng)}, separators=(",", ":")) + "\n")


main()
