//! One row of a result as PostgreSQL sends it.

use super::WireError;

/// The values of a row, read in place from the body of a DataRow message
/// (<https://www.postgresql.org/docs/18/protocol-message-formats.html>): the number of values in
/// two bytes, then each value after its length in four bytes.
#[derive(Clone)]
pub(super) struct Row<'a> {
    values: u16,
    bytes: &'a [u8],
}

impl<'a> Row<'a> {
    /// Checks the whole row before its first value is used: a sink must never take part of a row.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let malformed = WireError::Protocol("a row with inconsistent lengths");
        let Some((number, bytes)) = body.split_first_chunk() else {
            return Err(malformed);
        };
        let row = Self {
            values: u16::from_be_bytes(*number),
            bytes,
        };
        let mut checked = row.clone();
        if checked.by_ref().count() == usize::from(row.values) && checked.bytes.is_empty() {
            Ok(row)
        } else {
            Err(malformed)
        }
    }
}

impl<'a> Iterator for Row<'a> {
    /// `None` for NULL.
    type Item = Option<&'a [u8]>;

    /// Ends early if a length exceeds the row, which [`Row::parse`] rejects.
    fn next(&mut self) -> Option<Self::Item> {
        self.values = self.values.checked_sub(1)?;
        let (length, rest) = self.bytes.split_first_chunk()?;
        // A negative length marks NULL.
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.bytes = rest;
            return Some(None);
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.bytes = rest;
        Some(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_in_order() {
        for (body, expected) in [
            (&b"\0\0"[..], &[][..]),
            (b"\0\x01\xff\xff\xff\xff", &[None]),
            (
                b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0",
                &[Some(&b"ab"[..]), None, Some(b"")],
            ),
        ] {
            let row = Row::parse(body).expect("a row");
            assert_eq!(row.collect::<Vec<_>>(), expected, "{body:?}");
        }
    }

    #[test]
    fn a_row_with_inconsistent_lengths_is_rejected() {
        for body in [
            &b""[..],
            b"\0",
            b"\0\0a",
            b"\0\x01",
            b"\0\x01\0\0\0",
            b"\0\x01\0\0\0\x02a",
            b"\0\x01\0\0\0\x01ab",
            b"\0\x02\0\0\0\x01a",
            b"\0\x01\x7f\xff\xff\xffa",
        ] {
            assert!(Row::parse(body).is_err(), "{body:?}");
        }
    }
}
