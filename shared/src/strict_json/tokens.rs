//! Checks the strings and numbers of a JSON text.
//!
//! Escapes must be whole and surrogates paired; numbers must have the grammar's form and fit an
//! `f64`. Strings make up most of a token, so their plain bytes are passed over eight at a time.
//! Neighbours: `scan.rs` checks how these are put together.

use std::ops::Range;

use super::StrictJsonError;
use super::scan::{Scanned, Scanner};

impl Scanner<'_> {
    pub(super) fn string(&mut self) -> Scanned<(Range<usize>, bool)> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_bytes(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(StrictJsonError::Syntax),
            }
        }
        self.at += 1;
        Ok((start..self.at - 1, escaped))
    }

    fn escape(&mut self) -> Scanned<()> {
        self.at += 1;
        let kind = self.peek().ok_or(StrictJsonError::Syntax)?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => match self.code_unit()? {
                // Half of a surrogate pair stands for nothing alone.
                0xDC00..=0xDFFF => Err(StrictJsonError::Syntax),
                0xD800..=0xDBFF => {
                    self.expect(b'\\')?;
                    self.expect(b'u')?;
                    let second = self.code_unit()?;
                    let pair = (0xDC00..=0xDFFF).contains(&second);
                    if pair {
                        Ok(())
                    } else {
                        Err(StrictJsonError::Syntax)
                    }
                }
                _ => Ok(()),
            },
            _ => Err(StrictJsonError::Syntax),
        }
    }

    fn code_unit(&mut self) -> Scanned<u32> {
        let digits = self
            .bytes
            .get(self.at..self.at + 4)
            .ok_or(StrictJsonError::Syntax)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, digit| {
            let digit = char::from(*digit)
                .to_digit(16)
                .ok_or(StrictJsonError::Syntax)?;
            Ok(unit * 16 + digit)
        })
    }

    pub(super) fn number(&mut self) -> Scanned<()> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        let whole = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        // A number of usual length is in range; others are left to the reader we hand over to.
        if whole - start > 18 || self.at > whole {
            let number = &self.json[start..self.at];
            serde_json::from_str::<f64>(number).map_err(|_| StrictJsonError::Syntax)?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Scanned<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(StrictJsonError::Syntax)
        } else {
            Ok(())
        }
    }
}

/// How many bytes come before a quote, a backslash or a control character.
///
/// Eight bytes at a time: in `x - 0x01…` the high bit of a byte is set where the byte was zero,
/// unless it was set before; the lowest such byte is always told right.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
    let (words, _) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let stop = quote | backslash | below(word, 0x20);
        if stop != 0 {
            return at * 8 + (stop.trailing_zeros() / 8) as usize;
        }
    }
    let rest = &bytes[words.len() * 8..];
    let stops = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    words.len() * 8 + rest.iter().position(stops).unwrap_or(rest.len())
}
