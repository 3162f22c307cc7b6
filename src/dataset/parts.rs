//! Finds files that hold several images, of which only the first is used.

use std::io::{self, Read, Seek, SeekFrom};

use super::notes::{self, in_short};
use super::sample::open_file;
use super::{Sample, Source};
use crate::image::only_part_read;

/// The number of bytes that are read of a file. An animation is marked as such at its beginning.
const START_BYTES: u64 = 4 << 10;

/// Names the training images that are files with several pages or frames. For test images, the
/// evaluation does this.
pub(super) fn note(train: &[Sample]) -> Option<String> {
    let partial = train.iter().filter(|sample| match &sample.source {
        Source::File(path) => open_file(path).and_then(is_partial).unwrap_or(false),
        Source::Record { .. } => false,
    });
    let names: Vec<String> = partial.map(|sample| sample.source.brief()).collect();
    let are = match names.len() {
        1 => "is a file",
        _ => "are files",
    };
    (!names.is_empty()).then(|| {
        format!(
            "{} {are} of several pages or frames, of which only the first is used: {}.",
            notes::count(names.len(), "training image"),
            in_short(&names)
        )
    })
}

/// Whether a file holds several images, according to its beginning and, for TIFF, its directory.
fn is_partial(mut file: impl Read + Seek) -> io::Result<bool> {
    let mut start = Vec::new();
    (&mut file).take(START_BYTES).read_to_end(&mut start)?;
    let number: fn([u8; 4]) -> u32 = match &start[..start.len().min(4)] {
        b"II*\0" => u32::from_le_bytes,
        b"MM\0*" => u32::from_be_bytes,
        _ => return Ok(only_part_read(&start).is_some()),
    };
    // A TIFF directory may be anywhere in the file. It is appended to a new header, as if it were
    // at the beginning.
    let Some(&place) = start[4..].first_chunk::<4>() else {
        return Ok(false);
    };
    file.seek(SeekFrom::Start(number(place).into()))?;
    let mut directory = start[..4].to_vec();
    directory.extend(match number([0, 0, 0, 8]) {
        8 => 8u32.to_be_bytes(),
        _ => 8u32.to_le_bytes(),
    });
    file.take(START_BYTES).read_to_end(&mut directory)?;
    Ok(only_part_read(&directory).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn pages_are_told_wherever_the_directory_is() {
        for is_little in [true, false] {
            let number = |value: u32| match is_little {
                true => value.to_le_bytes(),
                false => value.to_be_bytes(),
            };
            for (place, next) in [(8, 0), (8, 99), (70_000, 0), (70_000, 99)] {
                let magic = if is_little { b"II*\0" } else { b"MM\0*" };
                let mut bytes = [&magic[..], &number(place)].concat();
                bytes.resize(place as usize, 7);
                let count = if is_little { [1, 0] } else { [0, 1] };
                bytes.extend(count);
                bytes.extend([0; 12]);
                bytes.extend(number(next));
                let found = is_partial(Cursor::new(bytes)).unwrap();
                assert_eq!(found, next > 0, "{is_little}, {place}");
            }
        }
        let webp = |flags: u8| [b"RIFF\0\0\0\0WEBPVP8X\x0A\0\0\0", &[flags][..]].concat();
        assert!(is_partial(Cursor::new(webp(2))).unwrap());
        assert!(!is_partial(Cursor::new(webp(0))).unwrap());
        assert!(!is_partial(Cursor::new(b"II*\0")).unwrap());
    }
}
