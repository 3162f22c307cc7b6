//! The connected regions of a mask.

/// A mask with numbered regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Regions {
    /// Number of pixels of each region. Regions are ordered by their first pixel, row by row.
    pub(super) sizes_px: Vec<usize>,
    /// The region of each pixel, an index into `sizes_px`; None outside the mask.
    pub(super) region_of: Vec<Option<u32>>,
}

/// Finds the regions of a mask, given row by row. Pixels that touch, also at a corner, belong to
/// the same region (8-connectivity).
///
/// # Panics
///
/// If the mask does not consist of whole rows.
pub(super) fn label_regions(mask: &[bool], width_px: usize) -> Regions {
    let height_px = mask.len() / width_px.max(1);
    assert_eq!(mask.len(), width_px * height_px, "a mask of whole rows");
    let around = |at: usize, end: usize| at.saturating_sub(1)..(at + 2).min(end);
    let mut region_of = vec![None; mask.len()];
    let mut sizes_px = Vec::new();
    let mut open = Vec::new();
    for start in 0..mask.len() {
        if !mask[start] || region_of[start].is_some() {
            continue;
        }
        let region = Some(sizes_px.len() as u32);
        let mut size_px = 0;
        region_of[start] = region;
        open.push(start);
        while let Some(pixel) = open.pop() {
            size_px += 1;
            for row in around(pixel / width_px, height_px) {
                for column in around(pixel % width_px, width_px) {
                    let near = row * width_px + column;
                    if mask[near] && region_of[near].is_none() {
                        region_of[near] = region;
                        open.push(near);
                    }
                }
            }
        }
        sizes_px.push(size_px);
    }
    Regions {
        sizes_px,
        region_of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_connect_and_edges_of_the_image_do_not() {
        let rows = ["#..#", ".#..", "...#", "##.#"];
        let mask: Vec<bool> = rows.concat().bytes().map(|byte| byte == b'#').collect();
        let regions = label_regions(&mask, 4);
        assert_eq!(regions.sizes_px, [2, 1, 2, 2]);
        let drawn = regions.region_of.iter();
        let drawn = drawn.map(|region| region.map_or(".".into(), |r| r.to_string()));
        assert_eq!(drawn.collect::<String>(), "0..1.0.....233.2");
    }

    #[test]
    fn a_mask_of_nothing_has_no_region_and_a_full_one_has_one() {
        assert!(label_regions(&[false; 6], 3).sizes_px.is_empty());
        assert_eq!(label_regions(&[true; 6], 2).sizes_px, [6]);
        assert!(label_regions(&[], 0).sizes_px.is_empty());
    }
}
