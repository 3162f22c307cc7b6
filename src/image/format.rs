//! Recognizes the format of a file by its first bytes, and names formats that are not supported.

use image::ImageFormat;

/// Formats that are not supported: the position of their magic bytes, these bytes, and a name.
const NOT_READ: &[(usize, &[u8], &str)] = &[
    (0, b"GIF8", "a GIF image"),
    (4, b"ftyphei", HEIC),
    (4, b"ftyphev", HEIC),
    (4, b"ftypmif1", HEIC),
    (4, b"ftypmsf1", HEIC),
    (4, b"ftypavi", "an AVIF image"),
    (4, b"ftypcrx", RAW),
    (4, b"ftyp", "a video (MP4 or MOV)"),
    (4, b"moov", "a video (MP4 or MOV)"),
    (4, b"jP  \r\n", JPEG_2000),
    (0, b"\xFF\x4F\xFF\x51", JPEG_2000),
    (4, b"JXL \r\n", JPEG_XL),
    (0, b"\xFF\x0A", JPEG_XL),
    (0, b"\xFF\xD8\xFF\xF7", "a JPEG-LS image"),
    (0, b"FUJIFILMCCD-RAW", RAW),
    (0, b"IIRO", RAW),
    (0, b"IIU\0", RAW),
    (0, b"II*\0\x10\0\0\0CR", RAW),
    (0, b"II+\0", BIG_TIFF),
    (0, b"MM\0+", BIG_TIFF),
    (0, b"II\xBC\x01", "a JPEG XR image"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"v/1\x01", "an OpenEXR image"),
    (0, b"#?RADIANCE", "a Radiance HDR image"),
    (0, b"DDS ", "a DDS image"),
    (0, b"qoif", "a QOI image"),
    (0, b"\0\0\x01\0", "an icon (ICO)"),
    (128, b"DICM", "a DICOM image"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"SIMPLE  =", "a FITS image"),
    (8, b"AVI ", "a video (AVI)"),
    (8, b"WAVE", "a sound (WAV)"),
    (0, b"\x1A\x45\xDF\xA3", "a video (Matroska or WebM)"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1F\x8B", "a gzip archive"),
];

const BIG_TIFF: &str = "a BigTIFF image";
const HEIC: &str = "a HEIC (HEIF) image";
const JPEG_2000: &str = "a JPEG 2000 image";
const JPEG_XL: &str = "a JPEG XL image";
const RAW: &str = "a camera's raw file";

/// Recognizes an image format that this build can decode, by the beginning of a file.
///
/// # Errors
///
/// The name of the unsupported format, and what the user can do.
pub(crate) fn recognize(bytes: &[u8]) -> Result<ImageFormat, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    if bytes.starts_with(b"version https://git-lfs") {
        let pointer = "this is a Git LFS pointer, not the image itself; run `git lfs pull`";
        return Err(pointer.into());
    }
    let is_here = |at: usize, magic: &[u8]| {
        let rest = bytes.get(at..);
        rest.is_some_and(|rest| rest.starts_with(magic))
    };
    let named = NOT_READ.iter().find(|&&(at, magic, _)| is_here(at, magic));
    let what = match named {
        Some((_, _, what)) => what,
        None => match image::guess_format(bytes) {
            Ok(ImageFormat::Tiff) if is_preview(bytes) => RAW,
            Ok(format) if is_read(format) => return Ok(format),
            Ok(ImageFormat::Tiff) => "a TIFF image",
            _ => of_text(bytes),
        },
    };
    let known = match is_read(ImageFormat::Tiff) {
        true => "PNG, JPEG, WebP, BMP and TIFF",
        false => "PNG, JPEG, WebP and BMP",
    };
    Err(format!("this is {what}; read are {known}"))
}

fn is_read(format: ImageFormat) -> bool {
    match format {
        ImageFormat::Jpeg => true,
        ImageFormat::Png | ImageFormat::WebP | ImageFormat::Bmp | ImageFormat::Tiff => {
            format.reading_enabled()
        }
        _ => false,
    }
}

/// The description of a file that begins with text, or with unknown bytes.
fn of_text(bytes: &[u8]) -> &'static str {
    if bytes.iter().all(|&byte| byte == 0) {
        return "a file of nothing but zeros";
    }
    if let [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] = bytes {
        return "a PGM, PPM or other Netpbm image";
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = bytes[..bytes.len().min(1024)].trim_ascii_start();
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    if text.contains("<svg") {
        return "an SVG drawing";
    }
    if text.starts_with("<!doctype html") || text.contains("<html") {
        return "a web page (HTML), not an image";
    }
    if text.starts_with('<') || text.starts_with('{') {
        return "text (XML or JSON), not an image";
    }
    "not an image of a known format"
}

/// Says which part of a file is used if it contains several images: pages of a TIFF file, or frames
/// of an animation. None for a file with one image.
///
/// ```
/// use daad::image::only_part_read;
///
/// let still = std::fs::read("www/gallery/piped/PA_GLA01_TL_S_D_02_2.png")?;
/// assert_eq!(only_part_read(&still), None);
/// // The beginning of an animated PNG file.
/// let animation = only_part_read(b"\x89PNG\r\n\x1a\n\0\0\0\x08acTL");
/// assert_eq!(animation, Some("the file is an animation; only its first frame is used"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn only_part_read(bytes: &[u8]) -> Option<&'static str> {
    match image::guess_format(bytes).ok()? {
        ImageFormat::Tiff if Directory::first(bytes)?.next()? != 0 => {
            Some("the file has several pages; only the first is used")
        }
        ImageFormat::Png if is_animated_png(bytes) => Some(ANIMATION),
        // Bit 1 of the flags in the first chunk says that the file is an animation.
        ImageFormat::WebP if bytes.get(12..16)? == b"VP8X" && bytes.get(20)? & 2 != 0 => {
            Some(ANIMATION)
        }
        _ => None,
    }
}

/// Whether a file was compressed with losses, which cause noise in areas of uniform colour.
///
/// ```
/// use daad::image::is_lossy;
///
/// assert!(!is_lossy(b"\x89PNG\r\n\x1a\n"));
/// assert!(is_lossy(b"\xFF\xD8\xFF\xE0")); // JPEG
/// ```
pub fn is_lossy(bytes: &[u8]) -> bool {
    const COMPRESSION: usize = 259;
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => true,
        Ok(ImageFormat::WebP) => webp_chunk(bytes, b"VP8L").is_none(),
        Ok(ImageFormat::Tiff) => {
            let directory = Directory::first(bytes);
            let compression = directory.and_then(|directory| directory.tag(COMPRESSION));
            // The old and the new code for JPEG compression.
            matches!(compression, Some(6 | 7))
        }
        _ => false,
    }
}

/// Whether the colours of a TIFF file are already multiplied by alpha.
pub(super) fn is_premultiplied(bytes: &[u8]) -> bool {
    const EXTRA_SAMPLES: usize = 338;
    const ASSOCIATED_ALPHA: usize = 1;
    let extra = Directory::first(bytes).and_then(|directory| directory.tag(EXTRA_SAMPLES));
    extra == Some(ASSOCIATED_ALPHA)
}

/// The EXIF data of a WebP file, without the heading that some programs put in front of it.
pub(super) fn webp_exif(bytes: &[u8]) -> Option<&[u8]> {
    let exif = webp_chunk(bytes, b"EXIF")?;
    Some(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
}

/// The content of the first chunk of this kind in a WebP file or in one of its frames. If the file
/// is cut off, the content is what there is of it.
fn webp_chunk<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let mut rest = bytes.get(12..)?;
    while let Some((&[own @ .., a, b, c, d], content)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        // The chunk of an animation's frame has a header of 16 bytes, and then chunks of its own.
        match &own {
            own if own == kind => return Some(&content[..length.min(content.len())]),
            b"ANMF" => rest = content.get(16..)?,
            // Chunks start at even offsets.
            _ => rest = content.get(length.saturating_add(length % 2)..)?,
        }
    }
    None
}

const ANIMATION: &str = "the file is an animation; only its first frame is used";

/// A directory of a TIFF file: the tags of one of its images.
struct Directory<'a> {
    bytes: &'a [u8],
    start: usize,
}

impl<'a> Directory<'a> {
    /// The directory of the first image.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let start = Self { bytes, start: 0 }.number(4, 4)?;
        Some(Self { bytes, start })
    }

    /// Reads the unsigned integer of `length` bytes at offset `at` in the directory.
    fn number(&self, at: usize, length: usize) -> Option<usize> {
        let at = self.start.checked_add(at)?;
        let digits = self.bytes.get(at..at.checked_add(length)?)?.iter();
        let add = |number: usize, &digit: &u8| number << 8 | usize::from(digit);
        Some(match self.bytes.starts_with(b"II") {
            true => digits.rev().fold(0, add),
            false => digits.fold(0, add),
        })
    }

    /// The offset of the next image's directory; 0 if there is none.
    fn next(&self) -> Option<usize> {
        self.number(2 + 12 * self.number(0, 2)?, 4)
    }

    /// The value of the first tag, if this tag is the image's subfile type.
    fn kind(&self) -> Option<usize> {
        const NEW_SUBFILE_TYPE: usize = 254;
        (self.number(2, 2)? == NEW_SUBFILE_TYPE).then(|| self.number(10, 4))?
    }

    /// The value of a 16-bit tag.
    fn tag(&self, tag: usize) -> Option<usize> {
        let mut places = (0..self.number(0, 2)?).map(|index| 2 + 12 * index);
        let place = places.find(|&place| self.number(place, 2) == Some(tag))?;
        self.number(place + 8, 2)
    }
}

/// Whether the first image of a TIFF file is a small preview of another one. Cameras write such
/// files.
fn is_preview(bytes: &[u8]) -> bool {
    let kind = Directory::first(bytes).and_then(|directory| directory.kind());
    kind.is_some_and(|kind| kind & 1 == 1)
}

/// Whether an animation's control chunk comes before the pixels.
fn is_animated_png(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((&[a, b, c, d, kind @ ..], _)) = rest.split_first_chunk::<8>() {
        match &kind {
            b"acTL" => return true,
            b"IDAT" => return false,
            _ => {}
        }
        // A chunk has 12 bytes in addition to its content: length, kind and checksum.
        let length = 12 + u64::from(u32::from_be_bytes([a, b, c, d]));
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        recognize(bytes).unwrap_err()
    }

    #[test]
    fn the_exif_data_of_a_webp_file_is_found_whatever_its_length_claims() {
        let webp = |length: u32, content: &[u8]| {
            let head = b"RIFF\0\0\0\0WEBPVP8L\x01\0\0\0\x2F\0EXIF";
            [&head[..], &length.to_le_bytes(), content].concat()
        };
        for content in [&b"II*\0"[..], b"Exif\0\0II*\0"] {
            for length in [content.len() as u32, u32::MAX] {
                assert_eq!(webp_exif(&webp(length, content)), Some(&b"II*\0"[..]));
            }
        }
        assert_eq!(webp_exif(b"RIFF\0\0\0\0WEBPVP8L\xFF\xFF\xFF\xFF"), None);
    }

    #[test]
    fn what_is_not_read_is_named() {
        let cases: [(&[u8], &str); 24] = [
            (b"\xFF\xD8\xFF\xF7\0\x0B", "JPEG-LS"),
            (b"II+\0\x08\0\0\0", "BigTIFF"),
            (b"", "empty"),
            (&[0; 300], "zeros"),
            (b"GIF89a and so on", "GIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
            (b"\0\0\0\x18ftypavif\0\0\0\0", "AVIF"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "video"),
            (b"%PDF-1.7\n", "PDF"),
            (b"\0\0\0\x0CjP  \r\n\x87\n", "JPEG 2000"),
            (b"\0\0\0\x0CJXL \r\n\x87\n", "JPEG XL"),
            (b"P5\n8 8\n255\n", "PGM"),
            (b"<?xml version='1.0'?>\n<svg>", "SVG"),
            (b"<?xml version='1.0'?>\n<Error>", "XML"),
            (b"\xEF\xBB\xBF\n<!DOCTYPE html><body>", "web page"),
            (b"<HTML><HEAD>", "web page"),
            (
                b"version https://git-lfs.github.com/spec/v1\n",
                "git lfs pull",
            ),
            (b"PK\x03\x04....", "ZIP"),
            (b"RIFF\0\0\0\0WAVEfmt ", "sound"),
            (b"RIFF\0\0\0\0AVI LIST", "video"),
            (b"\0\0\x01\0\x01\0", "ICO"),
            (b"8BPS\0\x01", "Photoshop"),
            (b"hello, I am a text file", "known format"),
        ];
        for (bytes, name) in cases {
            let refusal = refusal(bytes);
            assert!(refusal.contains(name), "{refusal}");
        }
        assert!(refusal(b"GIF89a").contains("PNG, JPEG, WebP, BMP and TIFF"));
    }

    #[test]
    fn losses_are_told_by_the_chunks_and_tags_of_a_file() {
        let chunk = |kind: &[u8; 4], content: &[u8]| {
            let length = (content.len() as u32).to_le_bytes();
            let padding = vec![0; content.len() % 2];
            [&kind[..], &length, content, &padding].concat()
        };
        let webp = |chunks: &[Vec<u8>]| [b"RIFF\0\0\0\0WEBP", &chunks.concat()[..]].concat();
        let profile = || chunk(b"ICCP", &[b'V'; 999]);
        let header = || chunk(b"VP8X", &[0; 10]);
        let frame = |kind| chunk(b"ANMF", &[vec![0; 16], chunk(kind, b"pixels")].concat());
        assert!(!is_lossy(&webp(&[chunk(b"VP8L", b"pixels")])));
        assert!(is_lossy(&webp(&[chunk(b"VP8 ", b"VP8L")])));
        let lossless = [header(), profile(), chunk(b"VP8L", b"pixels")];
        assert!(!is_lossy(&webp(&lossless)));
        assert!(is_lossy(&webp(&[header(), profile(), frame(b"VP8 ")])));
        assert!(!is_lossy(&webp(&[header(), profile(), frame(b"VP8L")])));
        let tiff = |compression: u8| {
            let tag = [3, 1, 3, 0, 1, 0, 0, 0, compression, 0, 0, 0];
            [b"II*\0\x08\0\0\0\x01\0", &tag[..], &[0; 4]].concat()
        };
        assert!(is_lossy(&tiff(7)) && !is_lossy(&tiff(5)));
        assert!(is_lossy(b"\xFF\xD8\xFF\xE0") && !is_lossy(b"\x89PNG\r\n\x1a\n"));
    }

    #[test]
    fn what_is_read_is_recognized_by_its_content() {
        let of = |bytes: &[u8]| recognize(bytes).unwrap();
        assert_eq!(of(b"\x89PNG\r\n\x1a\n"), ImageFormat::Png);
        assert_eq!(of(b"\xFF\xD8\xFF\xE0"), ImageFormat::Jpeg);
        assert_eq!(of(b"RIFF\0\0\0\0WEBPVP8 "), ImageFormat::WebP);
        assert_eq!(of(b"BM\0\0\0\0"), ImageFormat::Bmp);
        assert_eq!(of(b"MM\0*\0\0\0\x08"), ImageFormat::Tiff);
    }

    #[test]
    fn a_raw_file_is_not_taken_for_its_preview() {
        let head = b"II*\0\x08\0\0\0\x01\0\xFE\0\x04\0\x01\0\0\0";
        let of = |kind: u8| [&head[..], &[kind, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert!(refusal(&of(1)).contains("raw"));
        assert_eq!(recognize(&of(0)).unwrap(), ImageFormat::Tiff);
    }

    #[test]
    fn several_images_in_a_file_are_said() {
        // One tag of 12 bytes, followed by the offset of the next directory.
        let tiff = |next: &[u8; 4]| {
            let tag = [0; 12];
            [&b"II*\0\x08\0\0\0\x01\0"[..], &tag, next].concat()
        };
        assert_eq!(only_part_read(&tiff(b"\0\0\0\0")), None);
        let pages = only_part_read(&tiff(b"\x40\0\0\0")).unwrap();
        assert!(pages.contains("pages"));
        let png = |kind: &[u8]| {
            let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
            for kind in [b"IHDR", kind, b"IDAT"] {
                bytes.extend([&[0, 0, 0, 2], kind, &[0; 6]].concat());
            }
            bytes
        };
        assert_eq!(only_part_read(&png(b"gAMA")), None);
        assert!(only_part_read(&png(b"acTL")).unwrap().contains("animation"));
        let webp = |flags: u8| [b"RIFF\0\0\0\0WEBPVP8X\x0A\0\0\0", &[flags][..]].concat();
        assert_eq!(only_part_read(&webp(0)), None);
        assert!(only_part_read(&webp(2)).unwrap().contains("animation"));
    }
}
