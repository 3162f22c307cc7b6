//! The entropy-coded values of a JPEG file: single bits, and Huffman codes.

use super::DAMAGED;

/// A block of 64 values with more zero bits in a row than this is damaged: it does not occur in
/// photographs, but it does if zero bytes replace a lost part of a file.
const MAX_ZERO_BITS: u32 = 96;

/// The maximum number of zero bytes at the end that count as padding. More zero bytes mean that the
/// end of the file was lost.
const MAX_PADDING_BYTES: u32 = 16;

/// Reads bit by bit until the next marker.
pub(super) struct Bits<'a> {
    /// The bytes that are not yet in `window`.
    rest: &'a [u8],
    /// The next bits; the first is the highest.
    window: u64,
    /// The number of bits in `window`.
    filled: u32,
    /// The number of bits that were added to `window` after the end of the data.
    padding: u32,
    /// The number of zero bits that were read last, without a one bit between them.
    zeros: u32,
    /// Whether a block had more than [`MAX_ZERO_BITS`] zero bits in a row.
    zeroed: bool,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            window: 0,
            filled: 0,
            padding: 0,
            zeros: 0,
            zeroed: false,
        }
    }

    fn fill(&mut self) {
        while self.filled <= 56 {
            // The bytes FF 00 stand for the value FF. FF followed by any other byte is a marker.
            let (byte, length) = match *self.rest {
                [0xFF, 0x00, ..] => (0xFF, 2),
                [0xFF, ..] | [] => (0, 0),
                [byte, ..] => (byte, 1),
            };
            if length == 0 {
                self.padding += 8;
            }
            self.rest = &self.rest[length..];
            self.window |= u64::from(byte) << (56 - self.filled);
            self.filled += 8;
        }
    }

    /// The next 16 bits, which are not read yet.
    fn peek(&mut self) -> u32 {
        if self.filled < 16 {
            self.fill();
        }
        (self.window >> 48) as u32
    }

    /// Reads up to 16 bits.
    pub(super) fn read(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let value = self.peek() >> (16 - count);
        self.window <<= count;
        self.filled -= count;
        self.zeros = match value {
            0 => self.zeros + count,
            _ => value.trailing_zeros(),
        };
        self.zeroed |= self.zeros > MAX_ZERO_BITS;
        value
    }

    pub(super) fn begin_block(&mut self) {
        self.zeros = 0;
    }

    /// Checks the data that was read so far.
    ///
    /// # Errors
    ///
    /// If the data ended too early, or zero bytes replace values.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.filled < self.padding {
            return Err(match self.rest.len() < 2 {
                true => "the file is cut off".into(),
                false => format!("{DAMAGED} (a part of the picture is missing)"),
            });
        }
        match self.zeroed {
            true => Err(format!("{DAMAGED} (zeros take the place of a part)")),
            false => Ok(()),
        }
    }

    /// Returns the bytes from the next marker on. There must be no unread values before it; zero
    /// bytes are allowed, because some cameras pad the data with them.
    ///
    /// # Errors
    ///
    /// As for [`Self::check`], and if there are unread values.
    pub(super) fn finish(mut self) -> Result<&'a [u8], String> {
        self.check()?;
        // Less than a byte is padding, with arbitrary bits.
        let left = self.filled - self.padding;
        let mut is_clean = self.window << (left % 8) == 0;
        let mut padding_bytes = left / 8;
        while is_clean {
            match *self.rest {
                [0x00, ..] => padding_bytes += 1,
                [0xFF, 0xFF, ..] => {}
                [0xFF, 0x01..=0xFF, ..] | [0xFF] | [] => break,
                _ => is_clean = false,
            }
            self.rest = &self.rest[1..];
        }
        is_clean &= padding_bytes <= MAX_PADDING_BYTES;
        match is_clean {
            true => Ok(self.rest),
            false => Err(format!(
                "{DAMAGED} (there is more of a part than belongs there)"
            )),
        }
    }
}

/// The codes of up to 256 symbols, of 1 to 16 bits each.
pub(super) struct Huffman {
    /// For each length, the first 16-bit number that does not begin with a code of this length or a
    /// shorter one.
    limits: [u32; 16],
    /// For each length, what is added to a code to get the index of its symbol.
    offsets: [i32; 16],
    symbols: Vec<u8>,
}

impl Huffman {
    /// Builds the codes from the number of codes of each length, and the symbols.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Self {
        let (mut limits, mut offsets) = ([0; 16], [0; 16]);
        let (mut code, mut index) = (0i32, 0);
        for (length, &count) in counts.iter().enumerate() {
            offsets[length] = index - code;
            code += i32::from(count);
            index += i32::from(count);
            limits[length] = (code << (15 - length)) as u32;
            code <<= 1;
        }
        Self {
            limits,
            offsets,
            symbols: symbols.to_vec(),
        }
    }

    /// Reads one symbol.
    ///
    /// # Errors
    ///
    /// If the next bits are not a code.
    pub(super) fn decode(&self, bits: &mut Bits<'_>) -> Result<u8, String> {
        let next = bits.peek();
        let length = self.limits.iter().position(|&limit| next < limit);
        let symbol = length.and_then(|length| {
            let code = bits.read(length as u32 + 1) as i32;
            let index = usize::try_from(code + self.offsets[length]).ok()?;
            self.symbols.get(index).copied()
        });
        symbol.ok_or_else(|| format!("{DAMAGED} (an impossible code)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_up_from_length_to_length() {
        // 0, 10, 110, 1110.
        let mut counts = [0; 16];
        counts[..4].fill(1);
        let table = Huffman::new(&counts, b"abcd");
        let mut bits = Bits::new(&[0b0101_1011, 0b1001_1111]);
        let read: Vec<_> = (0..5).map(|_| table.decode(&mut bits).unwrap()).collect();
        assert_eq!(read, *b"abcda");
        let _ = bits.read(1);
        assert!(table.decode(&mut bits).is_err(), "1111 is no code");
    }

    #[test]
    fn the_data_ends_where_it_is_said_to() {
        let read = |bytes: &'static [u8], count: u32| {
            let mut bits = Bits::new(bytes);
            for _ in 0..count {
                bits.read(1);
            }
            bits.finish()
        };
        let data = b"\x12\xFF\x00\x34\xFF\xD9";
        assert_eq!(read(data, 24).unwrap(), b"\xFF\xD9");
        assert_eq!(read(data, 17).unwrap(), b"\xFF\xD9");
        assert!(read(data, 16).unwrap_err().contains("more"));
        assert!(read(data, 25).unwrap_err().contains("missing"));
        assert!(read(b"\x12", 9).unwrap_err().contains("cut off"));
        assert_eq!(read(b"\x12\0\0\xFF\xFF\xD9", 8).unwrap(), b"\xFF\xD9");
        assert!(read(&[0; 30], 8).unwrap_err().contains("more"));
        assert!(read(b"\xFF\x01", 1).unwrap_err().contains("missing"));
        assert!(read(&[0; 64], 200).unwrap_err().contains("zeros"));
    }
}
