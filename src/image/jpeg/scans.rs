//! Reads all values of a JPEG file without decoding the picture, to check that the file is
//! complete.
//!
//! A decoder replaces missing or damaged parts by grey or wrong blocks and reports no error. But
//! the number of blocks is known, so a part that ends too early or too late is damaged.

use super::DAMAGED;
use super::entropy::{Bits, Huffman};

/// The information in the headers of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Whether it is a JFIF file.
    pub(super) is_jfif: bool,
    /// The number of the colour transform in Adobe's segment.
    pub(super) adobe: Option<u8>,
    /// The names of the components.
    pub(super) components: Vec<u8>,
    /// Whether the end marker is there.
    pub(super) has_end: bool,
}

/// Reads all scans.
///
/// # Errors
///
/// Says that the file is cut off, damaged, or of a kind that is not supported.
pub(super) fn check(bytes: &[u8]) -> Result<Header, String> {
    let mut reader = Reader {
        rest: bytes.get(2..).unwrap_or_default(),
        dc: [const { None }; 4],
        ac: [const { None }; 4],
        restart_interval: 0,
        frame: None,
        is_jfif: false,
        adobe: None,
        scans: 0,
    };
    let has_end = reader.segments()?;
    let frame = reader.frame.ok_or("the file is cut off")?;
    let is_whole = |component: &Component| match has_end {
        // The finest details of a progressive file may be missing, but only if the end marker is
        // present.
        true => component.missing_bits[0] != UNSEEN,
        false => component.missing_bits.iter().all(|&bits| bits == 0),
    };
    if !frame.components.iter().all(is_whole) {
        return Err("the file is cut off".into());
    }
    Ok(Header {
        is_jfif: reader.is_jfif,
        adobe: reader.adobe,
        components: frame.components.iter().map(|one| one.name).collect(),
        has_end,
    })
}

struct Reader<'a> {
    rest: &'a [u8],
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    /// The number of units between two restart markers; 0 if there are no restart markers.
    restart_interval: usize,
    frame: Option<Frame>,
    is_jfif: bool,
    adobe: Option<u8>,
    scans: usize,
}

struct Frame {
    is_progressive: bool,
    /// Width and height in pixels.
    size: [usize; 2],
    /// Columns and rows of the units of a scan with several components.
    units: [usize; 2],
    components: Vec<Component>,
}

struct Component {
    name: u8,
    /// Number of columns and rows of blocks in a unit.
    sampling: [usize; 2],
    /// Columns and rows of the blocks in a scan of this component alone.
    blocks: [usize; 2],
    /// For each block of a progressive file, a bit for each value: 1 if the value is not 0 so far.
    nonzero: Vec<u64>,
    /// For each of the 64 values, the number of its lowest bits that no scan has contained yet.
    missing_bits: [u8; 64],
}

/// The maximum number of scans. Programs write about ten; a hostile file repeats a scan of a few
/// bytes that takes long to read.
const MAX_SCANS: usize = 500;

/// The number of missing bits of a value that no scan has contained.
const UNSEEN: u8 = u8::MAX;

/// The part of each block that one scan contains.
#[derive(Clone, Copy)]
struct Band {
    first: usize,
    last: usize,
    /// Whether the scan contains one more bit of values whose higher bits are known.
    refines: bool,
    low_bit: u8,
}

impl<'a> Reader<'a> {
    /// Reads up to the end marker. Returns whether there is one.
    fn segments(&mut self) -> Result<bool, String> {
        loop {
            // Like libjpeg, this skips any bytes between segments.
            let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF);
            let Some(at) = self.rest.windows(2).position(is_marker) else {
                return Ok(false);
            };
            let marker = self.rest[at + 1];
            self.rest = &self.rest[at + 2..];
            match marker {
                0xD9 => return Ok(true),
                0x01 | 0xD0..=0xD8 => continue,
                _ => {}
            }
            let segment = self.segment().ok_or("the file is cut off")?;
            let read = match marker {
                0xC0..=0xC2 => self.frame(segment, marker == 0xC2),
                0xC3 => return Err("it is a lossless JPEG, which is not read".into()),
                0xC4 => self.tables(segment),
                0xDA => {
                    self.scan(segment)?;
                    Some(())
                }
                0xDD => segment.first_chunk().map(|&interval| {
                    self.restart_interval = usize::from(u16::from_be_bytes(interval));
                }),
                0xE0 => {
                    self.is_jfif |= segment.starts_with(b"JFIF\0");
                    Some(())
                }
                0xEE if segment.starts_with(b"Adobe") => {
                    self.adobe = segment.get(11).copied();
                    Some(())
                }
                _ => Some(()),
            };
            read.ok_or_else(|| format!("{DAMAGED} (segment {marker:02X})"))?;
        }
    }

    fn segment(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(u16::from_be_bytes(*self.rest.first_chunk()?));
        let segment = self.rest.get(2..length)?;
        self.rest = &self.rest[length..];
        Some(segment)
    }

    fn frame(&mut self, segment: &[u8], is_progressive: bool) -> Option<()> {
        // The size in a second frame header would not have been checked.
        if self.frame.is_some() {
            return None;
        }
        let side = |at: usize| {
            let bytes = segment.get(at..at + 2)?;
            Some(usize::from(bytes[0]) << 8 | usize::from(bytes[1]))
        };
        let size = [side(3)?, side(1)?];
        let described = segment.get(6..6 + 3 * usize::from(*segment.get(5)?))?;
        let described = described.chunks_exact(3);
        let sampling = |one: &[u8]| [usize::from(one[1] >> 4), usize::from(one[1] & 15)];
        if described.clone().any(|one| sampling(one).contains(&0)) {
            return None;
        }
        let largest = described.clone().map(sampling);
        let largest = largest.reduce(|a, b| [a[0].max(b[0]), a[1].max(b[1])])?;
        let units = [0, 1].map(|axis| size[axis].div_ceil(8 * largest[axis]));
        let components = described.map(|one| {
            let sampling = sampling(one);
            let blocks = [0, 1].map(|axis| {
                let pixels = (size[axis] * sampling[axis]).div_ceil(largest[axis]);
                pixels.div_ceil(8)
            });
            let all = units[0] * sampling[0] * units[1] * sampling[1];
            Component {
                name: one[0],
                sampling,
                blocks,
                nonzero: vec![0; if is_progressive { all } else { 0 }],
                missing_bits: [UNSEEN; 64],
            }
        });
        self.frame = Some(Frame {
            is_progressive,
            size,
            units,
            components: components.collect(),
        });
        Some(())
    }

    fn tables(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&place, rest)) = segment.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total)?;
            let tables = if place >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            *tables.get_mut(usize::from(place & 15))? = Some(Huffman::new(counts, symbols));
            segment = rest;
        }
        Some(())
    }

    fn scan(&mut self, segment: &[u8]) -> Result<(), String> {
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(format!("{DAMAGED} (more than {MAX_SCANS} scans)"));
        }
        let frame = self.frame.as_mut();
        let frame = frame.ok_or_else(|| format!("{DAMAGED} (no size)"))?;
        let wrong = || format!("{DAMAGED} (a wrong scan)");
        let count = usize::from(*segment.first().ok_or_else(wrong)?);
        let named = segment.get(1..1 + 2 * count).ok_or_else(wrong)?;
        let band = match (frame.is_progressive, segment.get(1 + 2 * count..)) {
            (true, Some(&[first, last @ 0..64, approximation])) if first <= last => Band {
                first: first.into(),
                last: last.into(),
                refines: approximation >> 4 != 0,
                low_bit: approximation & 15,
            },
            (true, _) => return Err(wrong()),
            (false, _) => Band {
                first: 0,
                last: 63,
                refines: false,
                low_bit: 0,
            },
        };
        // The component's index and its two tables.
        let mut members = Vec::new();
        for one in named.chunks_exact(2) {
            let index = frame.components.iter().position(|it| it.name == one[0]);
            let lacks = |tables: &[Option<Huffman>], number: u8| {
                tables.get(usize::from(number)).is_none_or(Option::is_none)
            };
            let needs_dc = band.first == 0 && !band.refines;
            if needs_dc && lacks(&self.dc, one[1] >> 4)
                || band.last > 0 && lacks(&self.ac, one[1] & 15)
            {
                return Err("it has no code tables, as a frame of a film".into());
            }
            members.push((index.ok_or_else(wrong)?, one[1]));
        }
        let is_single = members.len() == 1;
        if members.is_empty() || frame.is_progressive && !is_single && band.last > 0 {
            return Err(wrong());
        }
        let [columns, rows] = match is_single {
            true => frame.components[members[0].0].blocks,
            false => frame.units,
        };
        if is_single && !frame.is_counted_rightly(&frame.components[members[0].0]) {
            return Err("its colours are sampled in a way that is not read".into());
        }
        let mut bits = Bits::new(self.rest);
        let mut skipped_blocks = 0;
        for unit in 0..columns * rows {
            if self.restart_interval > 0 && unit > 0 && unit % self.restart_interval == 0 {
                let expected = 0xD0 + (unit / self.restart_interval - 1) % 8;
                let rest = bits.finish()?;
                if rest.get(1).copied().map(usize::from) != Some(expected) {
                    return Err(match rest.len() {
                        0 | 1 => "the file is cut off".into(),
                        _ => format!("{DAMAGED} (a part of the picture is missing)"),
                    });
                }
                bits = Bits::new(&rest[2..]);
                skipped_blocks = 0;
            }
            let (column, row) = (unit % columns, unit / columns);
            for &(index, numbers) in &members {
                let component = &mut frame.components[index];
                let [wide, high] = if is_single {
                    [1, 1]
                } else {
                    component.sampling
                };
                let dc = self.dc[usize::from(numbers >> 4) & 3].as_ref();
                let ac = self.ac[usize::from(numbers & 15) & 3].as_ref();
                let stride = frame.units[0] * component.sampling[0];
                for block in 0..wide * high {
                    bits.begin_block();
                    if band.first == 0 {
                        read_dc(&mut bits, dc, band)?;
                    }
                    let Some(ac) = ac.filter(|_| band.last > 0) else {
                        continue;
                    };
                    if !frame.is_progressive {
                        read_ac(&mut bits, ac)?;
                        continue;
                    }
                    let x = column * wide + block % wide;
                    let y = row * high + block / wide;
                    let nonzero = &mut component.nonzero[y * stride + x];
                    match band.refines {
                        false => read_band(&mut bits, ac, band, nonzero, &mut skipped_blocks)?,
                        true => refine_band(&mut bits, ac, band, nonzero, &mut skipped_blocks)?,
                    }
                }
            }
            bits.check()?;
        }
        self.rest = bits.finish()?;
        for (index, _) in members {
            frame.components[index].missing_bits[band.first..=band.last].fill(band.low_bit);
        }
        Ok(())
    }
}

impl Frame {
    /// Whether the decoder computes the number of blocks in a scan of this component alone as the
    /// standard does. It does not if a component is sampled more often than a second component, but
    /// less often than a third one. Hardly any program writes such files.
    fn is_counted_rightly(&self, component: &Component) -> bool {
        [0, 1].into_iter().all(|axis| {
            let padded = self.units[axis] * component.sampling[axis];
            component.blocks[axis] == padded.min(self.size[axis].div_ceil(8))
        })
    }
}

/// The first value of a block.
fn read_dc(bits: &mut Bits<'_>, table: Option<&Huffman>, band: Band) -> Result<(), String> {
    match table {
        Some(table) if !band.refines => {
            let count = table.decode(bits)?;
            if count > 11 {
                return Err(format!("{DAMAGED} (an impossible value)"));
            }
            bits.read(count.into());
        }
        _ => {
            bits.read(1);
        }
    }
    Ok(())
}

/// The other values of a block of a sequential file.
fn read_ac(bits: &mut Bits<'_>, table: &Huffman) -> Result<(), String> {
    let whole = Band {
        first: 1,
        last: 63,
        refines: false,
        low_bit: 0,
    };
    let (mut nonzero, mut skipped_blocks) = (0, 0);
    read_band(bits, table, whole, &mut nonzero, &mut skipped_blocks)?;
    match skipped_blocks {
        0 => Ok(()),
        _ => Err(format!("{DAMAGED} (an impossible code)")),
    }
}

/// Reads the first bits of some values of a block. A code gives the number of zeros to skip and the
/// number of bits that follow; or it says that this block and a number of blocks after it have no
/// more values.
fn read_band(
    bits: &mut Bits<'_>,
    table: &Huffman,
    band: Band,
    nonzero: &mut u64,
    skipped_blocks: &mut u32,
) -> Result<(), String> {
    if *skipped_blocks > 0 {
        *skipped_blocks -= 1;
        return Ok(());
    }
    let mut index = band.first.max(1);
    while index <= band.last {
        let code = table.decode(bits)?;
        match (code >> 4, code & 15) {
            (15, 0) => index += 16,
            (length, 0) => {
                *skipped_blocks = (1 << length) - 1 + bits.read(length.into());
                break;
            }
            (zeros, count) => {
                index += usize::from(zeros);
                if index > band.last {
                    return Err(format!("{DAMAGED} (a block of too many values)"));
                }
                *nonzero |= 1 << index;
                bits.read(count.into());
                index += 1;
            }
        }
    }
    Ok(())
}

/// Reads the next bit of some values of a block. Values that are already nonzero have one bit each,
/// stored between the codes for new values.
fn refine_band(
    bits: &mut Bits<'_>,
    table: &Huffman,
    band: Band,
    nonzero: &mut u64,
    skipped_blocks: &mut u32,
) -> Result<(), String> {
    let mut index = band.first.max(1);
    if *skipped_blocks == 0 {
        while index <= band.last {
            let code = table.decode(bits)?;
            let (mut zeros, is_new) = (code >> 4, code & 15 != 0);
            match code & 15 {
                0 if zeros < 15 => {
                    *skipped_blocks = (1 << zeros) + bits.read(zeros.into());
                    break;
                }
                0 => {}
                1 => {
                    bits.read(1);
                }
                _ => return Err(format!("{DAMAGED} (an impossible code)")),
            }
            while index <= band.last {
                if *nonzero >> index & 1 == 1 {
                    bits.read(1);
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                index += 1;
            }
            if is_new {
                if index > band.last {
                    return Err(format!("{DAMAGED} (a block of too many values)"));
                }
                *nonzero |= 1 << index;
            }
            index += 1;
        }
    }
    if *skipped_blocks > 0 {
        for index in index..=band.last {
            bits.read((*nonzero >> index & 1) as u32);
        }
        *skipped_blocks -= 1;
    }
    Ok(())
}
