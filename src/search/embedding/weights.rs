//! The table of token vectors: one row of half-precision numbers per token id.
use std::{fs::File, os::unix::fs::FileExt, path::PathBuf};

use super::error::{ModelFileError, StaticModelError};

/// The number of tokens, each of which has a vector.
pub(super) const ROWS: u16 = 32_000;

/// The length of those vectors.
pub(super) const DIMENSIONS: usize = 256;

/// The start of the file: the length of the JSON that follows, then that JSON.
///
/// Compared, not parsed: `SafeTensors::read_metadata` needs the whole file in memory to compare
/// lengths, and this module supports only one file anyway. A test checks that the crate reads the
/// same table from that file. Format: <https://huggingface.co/docs/safetensors#format>.
const HEADER: &[u8; 96] = b"\x58\0\0\0\0\0\0\0\
    {\"embedding.weight\":{\"dtype\":\"F16\",\"shape\":[32000,256],\"data_offsets\":[0,16384000]}}    ";

const ROW_BYTES: usize = DIMENSIONS * size_of::<u16>();

/// The open table. Rows are read from the file: the 16 MB table would take more memory than the
/// rest of the process.
#[derive(Debug)]
pub(super) struct Weights {
    path: PathBuf,
    file: File,
}

impl Weights {
    /// Opens the table and compares its header and length with the published file's.
    pub(super) fn open(path: PathBuf) -> Result<Self, StaticModelError> {
        let file = File::open(&path).map_err(|err| StaticModelError::from_io(&path, err))?;
        let found = file
            .metadata()
            .map_err(|err| StaticModelError::from_io(&path, err))?
            .len();
        let expected = offset(ROWS);
        if found != expected {
            return Err(StaticModelError::damaged(
                &path,
                ModelFileError::Length { expected, found },
            ));
        }
        let mut header = [0; HEADER.len()];
        file.read_exact_at(&mut header, 0)
            .map_err(|err| StaticModelError::from_io(&path, err))?;
        if header != *HEADER {
            return Err(StaticModelError::damaged(&path, ModelFileError::Header));
        }
        Ok(Self { path, file })
    }

    /// Adds the vector of token `row` to `sum`. Reads 512 bytes, usually from the page cache.
    pub(super) fn add_row(
        &self,
        row: u16,
        sum: &mut [f32; DIMENSIONS],
    ) -> Result<(), StaticModelError> {
        let mut bytes = [0; ROW_BYTES];
        self.file
            .read_exact_at(&mut bytes, offset(row))
            .map_err(|err| StaticModelError::from_io(&self.path, err))?;
        let (halves, _) = bytes.as_chunks::<2>();
        for (total, &half) in sum.iter_mut().zip(halves) {
            let value = half_to_f32(u16::from_le_bytes(half));
            if !value.is_finite() {
                return Err(StaticModelError::damaged(
                    &self.path,
                    ModelFileError::NotFinite { row },
                ));
            }
            *total += value;
        }
        Ok(())
    }
}

fn offset(row: u16) -> u64 {
    (HEADER.len() + usize::from(row) * ROW_BYTES) as u64
}

/// Widens an IEEE 754 half, exactly: sign, 5 bits of exponent (bias 15), 10 bits of fraction.
///
/// Rust's type `f16` is not stable yet.
fn half_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10) & 0x1f;
    let fraction = u32::from(bits & 0x03ff);
    let magnitude = match exponent {
        // Subnormal: fraction · 2⁻²⁴, which an f32 holds as a normal number.
        0 => (fraction as f32 / 16_777_216.0).to_bits(),
        0x1f => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bits: u16, expect: f32) {
        assert_eq!(half_to_f32(bits).to_bits(), expect.to_bits(), "{bits:#06x}");
    }

    #[test]
    fn halves_widen_exactly() {
        check(0x0000, 0.0);
        check(0x8000, -0.0);
        check(0x3c00, 1.0);
        check(0xc000, -2.0);
        check(0x3555, 0.333_251_95);
        check(0x7bff, 65_504.0);
        check(0x0400, 6.103_515_6e-5); // smallest normal
        check(0x0001, 5.960_464_5e-8); // smallest subnormal
        check(0x83ff, -6.097_555e-5); //  largest subnormal, negative
        check(0x7c00, f32::INFINITY);
        check(0xfc00, f32::NEG_INFINITY);
        assert!(half_to_f32(0x7e00).is_nan());
    }
}
