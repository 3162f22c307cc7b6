//! Draws the shapes of a labelme file: JSON beside the image, with polygons and other shapes in
//! pixel coordinates of the upright photograph.

use std::f64::consts::TAU;

use image::{GrayImage, Luma};
use serde::Deserialize;

use crate::image::MAX_SIDE_PX;

/// The number of corners of the polygon that replaces a circle.
const CORNERS: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    image_width: u32,
    image_height: u32,
    shapes: Vec<Shape>,
}

#[derive(Deserialize)]
struct Shape {
    points: Vec<[f64; 2]>,
    #[serde(default)]
    shape_type: Option<String>,
}

/// Whether a file was written by labelme; other tools write JSON too.
pub(super) fn is_labelme(bytes: &[u8]) -> bool {
    serde_json::from_slice::<File>(bytes).is_ok()
}

/// The mask. All shapes are anomalous, including their outlines, so that thin shapes are not lost.
///
/// # Errors
///
/// A message about a shape that cannot be drawn.
pub(super) fn draw(bytes: &[u8]) -> Result<GrayImage, String> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let (width, height) = (file.image_width, file.image_height);
    let sides = 1..=MAX_SIDE_PX;
    if !sides.contains(&width) || !sides.contains(&height) {
        return Err(format!("it is for an image of {width}×{height} pixels"));
    }
    let mut mask = GrayImage::new(width, height);
    for shape in &file.shapes {
        let kind = shape.shape_type.as_deref().unwrap_or("polygon");
        match (kind, &shape.points[..]) {
            ("polygon", points) => fill(&mut mask, points),
            ("rectangle", &[[x, y], [u, v]]) => {
                fill(&mut mask, &[[x, y], [u, y], [u, v], [x, v]]);
            }
            ("circle", &[[x, y], edge]) => {
                let radius = (edge[0] - x).hypot(edge[1] - y);
                let corner = |index| {
                    let angle = index as f64 / CORNERS as f64 * TAU;
                    [x + radius * angle.cos(), y + radius * angle.sin()]
                };
                fill(&mut mask, &(0..CORNERS).map(corner).collect::<Vec<_>>());
            }
            ("line" | "linestrip" | "point" | "points", points) => trace(&mut mask, points),
            (other, _) => {
                return Err(format!(
                    "a shape of type {other} is not read; export it as a mask"
                ));
            }
        }
    }
    Ok(mask)
}

/// Marks the pixels whose centres are inside the polygon (even-odd rule), and its outline.
fn fill(mask: &mut GrayImage, corners: &[[f64; 2]]) {
    let Some(&first) = corners.first() else {
        return;
    };
    let closed = [corners, &[first]].concat();
    for row in 0..mask.height() {
        let y = f64::from(row) + 0.5;
        let mut crossings: Vec<f64> = closed
            .windows(2)
            .filter(|side| (side[0][1] <= y) != (side[1][1] <= y))
            .map(|side| {
                let [[x, from], [u, to]] = [side[0], side[1]];
                x + (y - from) / (to - from) * (u - x)
            })
            .collect();
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.chunks_exact(2) {
            // Casts from float to integer saturate, so a polygon may extend beyond the image.
            let start = (pair[0] - 0.5).ceil() as u32;
            let end = ((pair[1] - 0.5).ceil() as u32).min(mask.width());
            (start..end).for_each(|column| mask.put_pixel(column, row, Luma([255])));
        }
    }
    trace(mask, &closed);
}

/// Marks the pixels along a line through the points.
fn trace(mask: &mut GrayImage, points: &[[f64; 2]]) {
    let mut mark = |[x, y]: [f64; 2]| {
        let is_inside = x >= 0.0 && y >= 0.0;
        let pixel = is_inside.then(|| mask.get_pixel_mut_checked(x as u32, y as u32));
        if let Some(pixel) = pixel.flatten() {
            *pixel = Luma([255]);
        }
    };
    points.iter().copied().for_each(&mut mark);
    let longest = 2 * 2 * MAX_SIDE_PX;
    for side in points.windows(2) {
        let [[x, y], [u, v]] = [side[0], side[1]];
        let steps = ((u - x).hypot(v - y) * 2.0).ceil().min(f64::from(longest)) as u32;
        for step in 1..steps {
            let part = f64::from(step) / f64::from(steps);
            mark([x + part * (u - x), y + part * (v - y)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(shapes: &str) -> Result<GrayImage, String> {
        let text = format!(r#"{{"imageWidth": 12, "imageHeight": 10, "shapes": [{shapes}]}}"#);
        assert!(is_labelme(text.as_bytes()));
        draw(text.as_bytes())
    }

    fn count(shapes: &str) -> usize {
        let mask = drawn(shapes).unwrap();
        mask.iter().filter(|&&pixel| pixel > 0).count()
    }

    #[test]
    fn shapes_are_filled_and_thin_ones_are_still_there() {
        let square = r#"{"label": "hole", "points": [[2, 3], [6, 3], [6, 7], [2, 7]]}"#;
        let mask = drawn(square).unwrap();
        assert!((2..6).all(|x| (3..7).all(|y| mask.get_pixel(x, y)[0] == 255)));
        assert_eq!(mask.get_pixel(1, 5)[0] + mask.get_pixel(8, 5)[0], 0);
        let rectangle = r#"{"points": [[2, 3], [6, 7]], "shape_type": "rectangle"}"#;
        assert_eq!(drawn(rectangle).unwrap(), mask);
        let circle = r#"{"points": [[5, 5], [5, 8]], "shape_type": "circle"}"#;
        assert!((28..50).contains(&count(circle)), "{}", count(circle));
        let thin = r#"{"points": [[1, 1.2], [9, 1.2], [9, 1.3]], "shape_type": "polygon"}"#;
        assert_eq!(count(thin), 9);
        let point = r#"{"points": [[11.5, 9.5]], "shape_type": "point"}"#;
        assert_eq!(count(point), 1);
        let outside = r#"{"points": [[-5, -5], [90, -5], [90, 90], [-5, 90]]}"#;
        assert_eq!(count(outside), 120);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        let mask = r#"{"points": [[0, 0], [2, 2]], "shape_type": "mask"}"#;
        assert!(drawn(mask).unwrap_err().contains("type mask"));
        assert!(!is_labelme(br#"{"annotations": []}"#));
    }
}
