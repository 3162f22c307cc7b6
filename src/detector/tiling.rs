//! How a large image is cut into tiles, and how the maps of the tiles are combined into one map.
//! This module contains only geometry; it does not read pixels or use networks.

use crate::error::{Error, Result};

/// The maximum number of tiles. More tiles would take hours to score, and gigabytes of memory for
/// their results.
const MAX_TILES: u64 = 1_000_000;

/// Width and height of a tile, in pixels of the image it is cut from.
///
/// ```
/// use daad::detector::{TileGrid, TileSize};
///
/// let size = TileSize { width_px: 50, height_px: 25 };
/// assert_eq!(TileGrid::new(100, 100, size, 0.0)?.len(), 2 * 4);
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileSize {
    /// Width.
    pub width_px: u32,
    /// Height.
    pub height_px: u32,
}

/// A rectangle of an image, in its pixels; x to the right and y down from its upper left corner.
///
/// ```
/// use daad::detector::Tile;
/// use image::{GenericImageView, RgbImage};
///
/// let tile = Tile { x_px: 32, y_px: 0, width_px: 64, height_px: 48 };
/// let image = RgbImage::new(128, 128);
/// let part = image.view(tile.x_px, tile.y_px, tile.width_px, tile.height_px).to_image();
/// assert_eq!(part.dimensions(), (64, 48));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Left edge.
    pub x_px: u32,
    /// Upper edge.
    pub y_px: u32,
    /// Width.
    pub width_px: u32,
    /// Height.
    pub height_px: u32,
}

/// The tiles that cover an image exactly: all tiles have the same size, none extends beyond the
/// image, and every pixel is in at least one tile.
///
/// Neighbours overlap by the requested share; the last column and the last row are shifted inwards
/// and overlap by more. If an image is narrower or lower than a tile, the tiles are as narrow or as
/// low as the image.
///
/// ```
/// use daad::detector::{TileGrid, TileSize};
///
/// // The last column begins at 60, not at 80, so that it ends with the image.
/// let size = TileSize { width_px: 40, height_px: 40 };
/// let grid = TileGrid::new(100, 40, size, 0.0)?;
/// let starts: Vec<u32> = grid.tiles().map(|tile| tile.x_px).collect();
/// assert_eq!(starts, [0, 40, 60]);
/// # Ok::<(), daad::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileGrid {
    columns: Axis,
    rows: Axis,
}

/// The positions of the tiles along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis {
    length: u32,
    tile: u32,
    stride: u32,
}

impl TileGrid {
    /// Cuts an image of `width_px` × `height_px` into tiles of `size`. `overlap` is the share of a
    /// tile, in each direction, that it has in common with its neighbour: from 0 to below 1,
    /// rounded to pixels.
    ///
    /// ```
    /// use daad::detector::{TileGrid, TileSize};
    ///
    /// let size = TileSize { width_px: 64, height_px: 64 };
    /// assert_eq!(TileGrid::new(160, 64, size, 0.25)?.len(), 3); // at 0, 48 and 96
    /// let refused = TileGrid::new(160, 64, size, 1.0);
    /// assert!(matches!(refused, Err(daad::Error::Config(_))));
    /// # Ok::<(), daad::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Image`] for an image without pixels; [`Error::Config`] for a tile without pixels,
    /// an overlap out of range, and for more than a million tiles.
    pub fn new(width_px: u32, height_px: u32, size: TileSize, overlap: f64) -> Result<Self> {
        if width_px == 0 || height_px == 0 {
            return Err(Error::Image("it has no pixels".into()));
        }
        if size.width_px == 0 || size.height_px == 0 {
            return Err(Error::Config("a tile of 0 pixels".into()));
        }
        if !(0.0..1.0).contains(&overlap) {
            return Err(Error::Config(format!(
                "tiles overlap by a share of at least 0 and below 1, not by {overlap}"
            )));
        }
        let grid = Self {
            columns: Axis::new(width_px, size.width_px, overlap),
            rows: Axis::new(height_px, size.height_px, overlap),
        };
        let tiles = u64::from(grid.columns.count()) * u64::from(grid.rows.count());
        if tiles > MAX_TILES {
            return Err(Error::Config(format!(
                "{tiles} tiles, the limit is {MAX_TILES}; take larger ones or less overlap"
            )));
        }
        Ok(grid)
    }

    /// The number of tiles, at least one.
    ///
    /// ```
    /// use daad::detector::{TileGrid, TileSize};
    ///
    /// // An image that is smaller than a tile is one tile.
    /// let size = TileSize { width_px: 64, height_px: 64 };
    /// assert_eq!(TileGrid::new(50, 30, size, 0.25)?.len(), 1);
    /// # Ok::<(), daad::Error>(())
    /// ```
    #[expect(clippy::len_without_is_empty, reason = "a grid is never empty")]
    pub fn len(&self) -> usize {
        self.columns.count() as usize * self.rows.count() as usize
    }

    /// The tiles, row by row.
    ///
    /// ```
    /// use daad::detector::{Tile, TileGrid, TileSize};
    ///
    /// let size = TileSize { width_px: 64, height_px: 64 };
    /// let mut tiles = TileGrid::new(128, 128, size, 0.0)?.tiles();
    /// assert_eq!(tiles.nth(1), Some(Tile { x_px: 64, y_px: 0, width_px: 64, height_px: 64 }));
    /// # Ok::<(), daad::Error>(())
    /// ```
    pub fn tiles(&self) -> impl Iterator<Item = Tile> + use<> {
        let Self { columns, rows } = *self;
        rows.starts().flat_map(move |y_px| {
            columns.starts().map(move |x_px| Tile {
                x_px,
                y_px,
                width_px: columns.tile,
                height_px: rows.tile,
            })
        })
    }
}

impl Axis {
    fn new(length: u32, tile: u32, overlap: f64) -> Self {
        let tile = tile.min(length);
        let common = (f64::from(tile) * overlap).round() as u32;
        Self {
            length,
            tile,
            stride: (tile - common).max(1),
        }
    }

    fn count(self) -> u32 {
        (self.length - self.tile).div_ceil(self.stride) + 1
    }

    fn starts(self) -> impl Iterator<Item = u32> {
        let last = self.length - self.tile;
        (0..self.count()).map(move |index| (index * self.stride).min(last))
    }
}

/// Combines a tile's map with the map of the whole image by maximum.
///
/// `map` has one value per pixel of the image, row by row, with `image_width_px` values in a row.
/// `values` is the map of the tile, with `width` values in a row; it may have any size. Each pixel
/// of the tile takes the largest of the values that lie in it, so that no value is lost. If the
/// pixel already has a larger value, it keeps that value, so the order of the tiles does not
/// matter.
///
/// NOTE: this takes the maximum, not the mean. The score of an image is that of its worst tile; a
/// defect that is complete in one tile must not become weaker because another tile contains only a
/// part of it; and the mean would need a second value per pixel.
///
/// # Panics
///
/// Where `values` is empty or not a rectangle, or the tile lies outside of `map`.
pub(super) fn stitch(
    map: &mut [f32],
    image_width_px: u32,
    tile: Tile,
    values: &[f32],
    width: usize,
) {
    let height = values.len() / width;
    assert_eq!(values.len(), width * height, "expected whole rows");
    let columns: Vec<_> = (0..tile.width_px as usize)
        .map(|x| sources(x, tile.width_px as usize, width))
        .collect();
    for y in 0..tile.height_px as usize {
        let start = (tile.y_px as usize + y) * image_width_px as usize + tile.x_px as usize;
        let row = &mut map[start..][..tile.width_px as usize];
        for source in sources(y, tile.height_px as usize, height) {
            let values = &values[source * width..][..width];
            for (pixel, columns) in row.iter_mut().zip(&columns) {
                *pixel = values[columns.clone()]
                    .iter()
                    .copied()
                    .fold(*pixel, f32::max);
            }
        }
    }
}

/// If `values` values are spread evenly over `pixels` pixels: the range of the values that lie at
/// least partly in pixel `index`.
fn sources(index: usize, pixels: usize, values: usize) -> std::ops::Range<usize> {
    index * values / pixels..((index + 1) * values).div_ceil(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(side_px: u32) -> TileSize {
        TileSize {
            width_px: side_px,
            height_px: side_px,
        }
    }

    fn grid(width: u32, height: u32, side: u32, overlap: f64) -> TileGrid {
        TileGrid::new(width, height, square(side), overlap).unwrap()
    }

    /// Images and tiles of all proportions: equal, one pixel more or less, thin, small, large.
    fn cases() -> impl Iterator<Item = (u32, u32, TileSize, f64)> {
        let sides = [1, 2, 7, 8, 9, 31, 64, 65, 100];
        let tiles = [
            (1, 1),
            (7, 7),
            (8, 8),
            (8, 3),
            (33, 64),
            (100, 100),
            (500, 9),
        ];
        sides.into_iter().flat_map(move |width| {
            sides.into_iter().flat_map(move |height| {
                tiles.into_iter().flat_map(move |(width_px, height_px)| {
                    let size = TileSize {
                        width_px,
                        height_px,
                    };
                    [0.0, 0.1, 0.25, 0.5, 0.9, 0.999]
                        .into_iter()
                        .map(move |overlap| (width, height, size, overlap))
                })
            })
        })
    }

    #[test]
    fn tiles_cover_every_pixel_and_reach_beyond_no_edge() {
        for (width, height, size, overlap) in cases() {
            let grid = TileGrid::new(width, height, size, overlap).unwrap();
            let mut covered = vec![false; (width * height) as usize];
            let mut count = 0;
            for tile in grid.tiles() {
                assert_eq!(tile.width_px, size.width_px.min(width));
                assert_eq!(tile.height_px, size.height_px.min(height));
                assert!(tile.x_px + tile.width_px <= width);
                assert!(tile.y_px + tile.height_px <= height);
                for y in tile.y_px..tile.y_px + tile.height_px {
                    let start = (y * width + tile.x_px) as usize;
                    covered[start..][..tile.width_px as usize].fill(true);
                }
                count += 1;
            }
            let case = format!("{width}×{height} by {size:?}, overlap {overlap}");
            assert!(covered.into_iter().all(|pixel| pixel), "{case}");
            assert_eq!(grid.len(), count, "{case}");
        }
    }

    #[test]
    fn tiles_are_distinct_and_overlap_by_what_was_asked_the_last_by_more() {
        for (width, _, size, overlap) in cases() {
            let axis = Axis::new(width, size.width_px, overlap);
            let starts: Vec<u32> = axis.starts().collect();
            let common: Vec<u32> = starts
                .windows(2)
                .map(|pair| axis.tile - (pair[1] - pair[0]))
                .collect();
            let asked = f64::from(axis.tile) * overlap;
            assert!(starts.is_sorted_by(|a, b| a < b), "{axis:?}: {starts:?}");
            let Some((last, others)) = common.split_last() else {
                continue;
            };
            for &pixels in others {
                // Even with a large overlap, the next tile is at least one pixel further.
                let expected = (asked.round() as u32).min(axis.tile - 1);
                assert_eq!(pixels, expected, "{axis:?}");
            }
            assert!(others.iter().all(|pixels| last >= pixels), "{axis:?}");
        }
    }

    #[test]
    fn a_photograph_cut_by_hand() {
        let starts = |grid: &TileGrid| -> Vec<(u32, u32)> {
            grid.tiles().map(|tile| (tile.x_px, tile.y_px)).collect()
        };
        let without = [(0, 0), (4, 0), (6, 0), (0, 1), (4, 1), (6, 1)];
        assert_eq!(starts(&grid(10, 5, 4, 0.0)), without);
        let quarter = [(0, 0), (3, 0), (6, 0), (0, 1), (3, 1), (6, 1)];
        assert_eq!(starts(&grid(10, 5, 4, 0.25)), quarter);
        assert_eq!(grid(4096, 4096, 128, 0.0).len(), 32 * 32);
        assert_eq!(grid(4096, 4096, 128, 0.25).len(), 43 * 43);
    }

    #[test]
    fn an_image_no_larger_than_a_tile_is_taken_whole() {
        for side in [20, 21, 4000] {
            let whole = Tile {
                x_px: 0,
                y_px: 0,
                width_px: 20,
                height_px: 15,
            };
            let tiles: Vec<Tile> = grid(20, 15, side, 0.25).tiles().collect();
            assert_eq!(tiles, [whole]);
        }
    }

    #[test]
    fn what_cannot_be_cut_is_refused_with_a_reason() {
        let refused = |width, side, overlap| {
            let grid = TileGrid::new(width, 100, square(side), overlap);
            grid.unwrap_err().to_string()
        };
        assert!(refused(100, 0, 0.0).contains("0 pixels"));
        assert!(refused(0, 10, 0.0).contains("no pixels"));
        for overlap in [1.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(refused(100, 10, overlap).contains("below 1"));
        }
        assert!(refused(16_384, 1, 0.0).contains("1638400 tiles"));
        assert!(refused(u32::MAX, 1, 0.0).contains("limit"));
    }

    #[test]
    fn maps_of_tiles_of_the_same_size_come_back_as_the_map_they_were_cut_from() {
        let (width, height) = (23u32, 17u32);
        let whole: Vec<f32> = (0..width * height)
            .map(|i| ((i * 7919) % 101) as f32)
            .collect();
        for (side, overlap) in [(5, 0.0), (6, 0.5), (40, 0.25)] {
            let mut map = vec![0.0; whole.len()];
            for tile in grid(width, height, side, overlap).tiles() {
                let cut: Vec<f32> = (tile.y_px..tile.y_px + tile.height_px)
                    .flat_map(|y| {
                        (tile.x_px..tile.x_px + tile.width_px)
                            .map(move |x| (y * width + x) as usize)
                    })
                    .map(|index| whole[index])
                    .collect();
                stitch(&mut map, width, tile, &cut, tile.width_px as usize);
            }
            assert_eq!(map, whole);
        }
    }

    #[test]
    fn the_larger_value_stays_in_whatever_order_tiles_come() {
        let tile = |x_px| Tile {
            x_px,
            y_px: 0,
            width_px: 2,
            height_px: 1,
        };
        let mut tiles = [(tile(0), [1.0, 5.0]), (tile(1), [3.0, 2.0])];
        for _ in 0..2 {
            let mut map = vec![0.0; 3];
            for (tile, values) in &tiles {
                stitch(&mut map, 3, *tile, values, 2);
            }
            assert_eq!(map, [1.0, 5.0, 2.0]);
            tiles.reverse();
        }
    }

    #[test]
    fn no_peak_is_lost_where_a_map_is_finer_or_coarser_than_its_tile() {
        let whole = |width_px, height_px| Tile {
            x_px: 0,
            y_px: 0,
            width_px,
            height_px,
        };
        for index in 0..36 {
            let mut values = vec![0.0; 36];
            values[index] = 1.0;
            let mut map = vec![0.0; 6];
            stitch(&mut map, 3, whole(3, 2), &values, 6);
            assert_eq!(map.iter().sum::<f32>(), 1.0);
            assert_eq!(map[index / 18 * 3 + index % 6 / 2], 1.0);
        }
        let mut map = vec![0.0; 8];
        stitch(&mut map, 4, whole(4, 2), &[1.0, 2.0], 2);
        assert_eq!(map, [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
    }
}
