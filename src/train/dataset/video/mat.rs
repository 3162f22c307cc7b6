//! CUHK Avenue's ground truth: a MATLAB 5 file whose cell array `volLabel` has a mask for each frame.
//!
//! Of the format (MathWorks, "MAT-File Format") only what such a file uses is read: elements,
//! compressed ones, cell arrays, numeric arrays. Nothing is kept of a mask but whether it is empty.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::ZlibDecoder;

use crate::error::{Error, Result};

const HEADER_BYTES: u64 = 128;

// Types of elements.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

// Classes of arrays.
const CELL: u32 = 1;
const NUMERIC: std::ops::RangeInclusive<u32> = 6..=15;

/// A day of video; a lying file must not fill the memory.
const MAX_FRAMES: u64 = 1 << 22;

/// Whether each frame's mask has a pixel set.
pub(super) fn abnormal_frames(path: &Path) -> Result<Vec<bool>> {
    let file = File::open(path).map_err(|error| Error::file("cannot read", path, error))?;
    let wrong = |reason: &str| Error::Data(format!("{}: {reason}", path.display()));
    let mut reader = BufReader::new(file);
    match first_cells(&mut reader) {
        Ok(Some(frames)) => Ok(frames),
        Ok(None) => Err(wrong("it holds no cell array of masks, as volLabel is")),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(wrong("it is cut off")),
        Err(error) => Err(wrong(&error.to_string())),
    }
}

/// The first cell array of the file.
fn first_cells(reader: &mut dyn Read) -> io::Result<Option<Vec<bool>>> {
    let mut header = [0; HEADER_BYTES as usize];
    reader.read_exact(&mut header)?;
    if header[126..] != *b"IM" {
        return Err(malformed("it is no MATLAB 5 file of this byte order"));
    }
    while let Some(tag) = Tag::read_or_end(reader)? {
        let found = match tag.kind {
            COMPRESSED => {
                let mut compressed = reader.take(tag.bytes);
                let mut inside: Box<dyn Read> = Box::new(ZlibDecoder::new(&mut compressed));
                let tag = Tag::read(&mut inside)?;
                let found = cells(&mut inside, tag)?;
                drop(inside);
                finish(&mut compressed)?;
                found
            }
            _ => cells(reader, tag)?,
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The cells of a matrix element, if it is a cell array; it is read to its end in any case.
fn cells(reader: &mut dyn Read, tag: Tag) -> io::Result<Option<Vec<bool>>> {
    let mut element = reader.take(tag.bytes);
    let mut found = None;
    if tag.kind == MATRIX && tag.bytes > 0 {
        let array = Array::read(&mut element)?;
        if array.class == CELL {
            if array.values > MAX_FRAMES {
                return Err(malformed("it claims too many frames"));
            }
            let cells = (0..array.values).map(|_| {
                let tag = Tag::read(&mut element)?;
                is_set(&mut element, tag)
            });
            found = Some(cells.collect::<io::Result<Vec<bool>>>()?);
        }
    }
    finish(&mut element)?;
    Ok(found)
}

/// Whether a matrix element has a value other than zero.
fn is_set(reader: &mut dyn Read, tag: Tag) -> io::Result<bool> {
    if tag.kind != MATRIX {
        return Err(malformed("a cell is no array"));
    }
    let mut element = reader.take(tag.bytes);
    if tag.bytes == 0 {
        return Ok(false);
    }
    let array = Array::read(&mut element)?;
    if !NUMERIC.contains(&array.class) {
        return Err(malformed("a cell is no array of numbers"));
    }
    if array.values == 0 {
        finish(&mut element)?;
        return Ok(false);
    }
    let data = Tag::read(&mut element)?;
    if let Some(small) = data.small {
        let values = &small[..data.bytes as usize];
        finish(&mut element)?;
        return Ok(values.iter().any(|&byte| byte != 0));
    }
    let mut is_set = false;
    let mut buffer = [0; 4096];
    let mut left = data.bytes;
    while left > 0 {
        let length = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        element.read_exact(&mut buffer[..length])?;
        is_set |= buffer[..length].iter().any(|&byte| byte != 0);
        left -= length as u64;
    }
    finish(&mut element)?;
    Ok(is_set)
}

/// What the elements before an array's values say.
struct Array {
    class: u32,
    values: u64,
}

impl Array {
    fn read(reader: &mut dyn Read) -> io::Result<Self> {
        let flags = element(reader, 8)?;
        let class = flags.first().map_or(0, |&class| u32::from(class));
        let sizes = element(reader, 64)?;
        let sizes = sizes.as_chunks::<4>().0.iter();
        let values = sizes
            .map(|&size| u64::from(u32::from_le_bytes(size)))
            .try_fold(1u64, u64::checked_mul)
            .ok_or_else(|| malformed("an array's size is beyond reason"))?;
        let _name = element(reader, 1024)?;
        Ok(Self { class, values })
    }
}

/// Of an element: its type, and how many bytes it has.
struct Tag {
    kind: u32,
    bytes: u64,
    /// Bytes of padding after it.
    padding: u64,
    /// The data of a small element, which is part of its tag.
    small: Option<[u8; 4]>,
}

impl Tag {
    fn read(reader: &mut dyn Read) -> io::Result<Self> {
        Self::read_or_end(reader)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// None at the end of the file.
    fn read_or_end(reader: &mut dyn Read) -> io::Result<Option<Self>> {
        let mut first = [0; 4];
        if reader.read(&mut first[..1])? == 0 {
            return Ok(None);
        }
        reader.read_exact(&mut first[1..])?;
        let mut second = [0; 4];
        reader.read_exact(&mut second)?;
        let first = u32::from_le_bytes(first);
        let (small_bytes, kind) = (first >> 16, first & 0xffff);
        if small_bytes > 4 {
            return Err(malformed("an element's size is beyond reason"));
        }
        if small_bytes > 0 {
            return Ok(Some(Self {
                kind,
                bytes: u64::from(small_bytes),
                padding: 0,
                small: Some(second),
            }));
        }
        let bytes = u64::from(u32::from_le_bytes(second));
        Ok(Some(Self {
            kind,
            bytes,
            padding: bytes.wrapping_neg() % 8,
            small: None,
        }))
    }
}

/// A small element's data.
fn element(reader: &mut dyn Read, most: u64) -> io::Result<Vec<u8>> {
    let tag = Tag::read(reader)?;
    if let Some(data) = tag.small {
        return Ok(data[..tag.bytes as usize].to_vec());
    }
    if tag.bytes > most {
        return Err(malformed("an element's size is beyond reason"));
    }
    let mut data = vec![0; tag.bytes as usize];
    reader.read_exact(&mut data)?;
    skip(reader, tag.padding)?;
    Ok(data)
}

fn skip(reader: &mut dyn Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut reader.take(bytes), &mut io::sink()).map(drop)
}

/// Reads what is left of an element.
fn finish<R: Read>(element: &mut io::Take<R>) -> io::Result<()> {
    io::copy(element, &mut io::sink())?;
    match element.limit() {
        0 => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn malformed(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use tempfile::TempDir;

    fn padded(kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [kind, data.len() as u32].map(u32::to_le_bytes).concat();
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn matrix(class: u8, sizes: [u32; 2], name: &str, data: &[u8]) -> Vec<u8> {
        let mut inside = padded(6, &[class, 0, 0, 0, 0, 0, 0, 0]);
        inside.extend(padded(5, &sizes.map(u32::to_le_bytes).concat()));
        inside.extend(padded(1, name.as_bytes()));
        inside.extend(data);
        padded(MATRIX, &inside)
    }

    fn frame(pixels: &[u8]) -> Vec<u8> {
        let data = match pixels.len() {
            // Small elements keep their data in the tag.
            length @ 1..=4 => {
                let mut small = (2 | (length as u32) << 16).to_le_bytes().to_vec();
                small.extend(pixels);
                small.resize(8, 0);
                small
            }
            _ => padded(2, pixels),
        };
        matrix(9, [1, pixels.len() as u32], "", &data)
    }

    fn file(elements: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![b' '; 124];
        bytes.extend([0, 1, b'I', b'M']);
        bytes.extend(elements.concat());
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<bool>> {
        let root = TempDir::new().unwrap();
        let path = root.path().join("1_label.mat");
        std::fs::write(&path, bytes).unwrap();
        abnormal_frames(&path)
    }

    fn label() -> Vec<u8> {
        let frames = [&[0; 9][..], &[0, 0, 0, 0, 0, 1], &[0, 7], &[]].map(frame);
        matrix(CELL as u8, [1, 4], "volLabel", &frames.concat())
    }

    #[test]
    fn a_frame_with_a_pixel_set_is_abnormal() {
        let other = matrix(9, [1, 9], "other", &padded(2, &[1; 9]));
        let frames = [false, true, true, false];
        assert_eq!(read(&file(&[other.clone(), label()])).unwrap(), frames);
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&label()).unwrap();
        let packed = encoder.finish().unwrap();
        // Compressed elements are not padded.
        let mut compressed = [COMPRESSED, packed.len() as u32]
            .map(u32::to_le_bytes)
            .concat();
        compressed.extend(packed);
        assert_eq!(read(&file(&[other, compressed])).unwrap(), frames);
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        let message = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert!(message(b"MATLAB").contains("cut off"));
        assert!(message(&[0; 200]).contains("no MATLAB 5 file"));
        assert!(message(&file(&[])).contains("no cell array"));
        let whole = file(&[label()]);
        for length in 129..whole.len() {
            assert!(read(&whole[..length]).is_err(), "cut off at {length}");
        }
        let many = matrix(CELL as u8, [1 << 16, 1 << 16], "volLabel", &[]);
        assert!(message(&file(&[many])).contains("too many frames"));
        // No byte of it may make the reader panic.
        for place in 128..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = whole.clone();
                broken[place] = value;
                let _ = read(&broken);
            }
        }
    }
}
