"""Golden values of the extensions, from SciPy and scikit-image.

    pip install numpy scipy scikit-image
    python make_extensions.py            # writes extensions.json beside this file; no network needed

Everything is computed in float64. The images are not stored: both sides draw them from the same generator, whose
numbers (the high byte of a 32-bit congruence) are small and exact.

    similarity  skimage.metrics.structural_similarity as in Wang et al. 2004, of x and y = x + noise·(z − x)
    smoothing   scipy.ndimage.gaussian_filter with its defaults, of the first channel of x, rounded to 9 digits
"""

import json
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity


def draw(seed, shape):
    """Values in [-1, 1]: the next of v = (1664525 v + 1013904223) mod 2^32 for each."""
    values = []
    for _ in range(int(np.prod(shape))):
        seed = (1664525 * seed + 1013904223) % 2**32
        values.append((seed >> 24) / 127.5 - 1)
    return np.array(values).reshape(shape)


def similarity(seed, height, width, noise):
    x, z = draw(seed, (3, height, width)), draw(seed + 1, (3, height, width))
    value = structural_similarity(
        x,
        x + noise * (z - x),
        channel_axis=0,
        data_range=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return {"seed": seed, "height": height, "width": width, "noise": noise, "value": value}


def smoothing(seed, height, width, sigma):
    smoothed = gaussian_filter(draw(seed, (height, width)), sigma)
    return {"seed": seed, "height": height, "width": width, "sigma": sigma, "values": smoothed.ravel().round(9).tolist()}


def main():
    golden = {
        "similarity": [
            similarity(1, 11, 11, 0.25),
            similarity(3, 32, 24, 0.5),
            similarity(5, 13, 40, 1.0),
            similarity(7, 16, 16, 0.0),
        ],
        # The last reaches beyond the map's own mirror image.
        "smoothing": [smoothing(1, 5, 7, 0.1), smoothing(2, 5, 7, 0.8), smoothing(3, 8, 4, 1.0), smoothing(4, 3, 5, 3.0)],
    }
    path = Path(__file__).parent / "extensions.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
