/* The interface of daad.wasm, the DAAD anomaly detector for any WebAssembly host.
 *
 * The module imports nothing; it needs SIMD of 128 bits. Pointers are addresses in its memory, which
 * it exports as "memory": 32 bits, little-endian. The memory may grow, and so move in the host's,
 * during every call: ask for its base anew after each.
 *
 * A call that fails returns 0, and daad_error says why. A wrong address, length or handle is such a
 * failure. After a trap, for instance for want of memory, the instance cannot be used any longer.
 * One thread at a time may use an instance; several instances are independent of each other.
 */
#ifndef DAAD_H
#define DAAD_H

#include <stddef.h>
#include <stdint.h>

/* The result for one image; 64 bytes. The offset of each field stands before it. */
typedef struct {
  /*  0 */ double score;                 /* about 0 to 1 for normal images, higher for anomalous ones */
  /*  8 */ double threshold;             /* the model's; above it an image is anomalous */
  /* 16 */ double reconstruction_score;  /* R */
  /* 24 */ double alignment_score;       /* L; NaN where the model has none */
  /* 32 */ double unfamiliarity;         /* above 1 the image is of another kind, and its score means nothing */
  /* 40 */ uint32_t anomalous;           /* whether the score lies above the threshold: 1 or 0 */
  /* 44 */ uint32_t width, height;       /* of what follows, in pixels: the model's size */
  /* 52 */ const float *error_map;       /* width * height errors, row by row */
  /* 56 */ const uint8_t *heat_map;      /* width * height RGBA pixels: the errors in colours */
  /* 60 */ const uint8_t *reconstruction; /* width * height RGBA pixels: what the network rebuilds */
} daad_result;

/* A buffer of len bytes, one at least, for the host to write a model or an image into. */
uint8_t *daad_alloc(size_t len);
void daad_free(uint8_t *buffer);

/* Reads a model file (.safetensors) from a buffer, which may then be freed; returns its handle. */
uint32_t daad_load(const uint8_t *buffer, size_t len);
void daad_close(uint32_t handle);

/* Scores an image file: PNG, JPEG, WebP or BMP. The buffer may then be freed or used again. */
const daad_result *daad_detect(uint32_t handle, const uint8_t *buffer, size_t len);

/* Scores width * height RGBA pixels, at least 8 a side, row by row; transparent ones are drawn on white. */
const daad_result *daad_detect_pixels(uint32_t handle, const uint8_t *buffer, uint32_t width, uint32_t height);
void daad_result_free(const daad_result *result);

/* Why the latest call that failed has failed: UTF-8, not ended by a zero. */
const uint8_t *daad_error(void);
size_t daad_error_len(void);

#endif
