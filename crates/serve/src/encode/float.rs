//! Floats as PostgreSQL prints them: the shortest digits that read back as the same value, however it is rounded.

use bytes::BytesMut;
use std::fmt::LowerExp;
use std::str::FromStr;

/// What differs between `real` and `double precision`.
pub(crate) trait Float: Copy + LowerExp + FromStr + PartialEq + Into<f64> + ryu::Float {
    /// Exponents from here on are written with an `e`.
    const FIXED_BELOW: i32;
    /// Bits of a value half way between two neighbours.
    const HALFWAY_BITS: u32;
    /// Digits that always suffice.
    const DIGITS: usize;
}

impl Float for f32 {
    const FIXED_BELOW: i32 = 6;
    const HALFWAY_BITS: u32 = 25;
    const DIGITS: usize = 9;
}

impl Float for f64 {
    const FIXED_BELOW: i32 = 15;
    const HALFWAY_BITS: u32 = 54;
    const DIGITS: usize = 17;
}

/// Appends a value.
pub(crate) fn write<F: Float>(out: &mut BytesMut, value: F) {
    let wide: f64 = value.into();
    if wide.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if wide.is_sign_negative() {
        out.extend_from_slice(b"-");
    }
    if wide.is_infinite() {
        return out.extend_from_slice(b"Infinity");
    }
    let size = wide.abs();
    if size < 1e6 && size.trunc() == size {
        return out.extend_from_slice(itoa::Buffer::new().format(size as u64).as_bytes());
    }
    let mut shown = Digits::read(ryu::Buffer::new().format_finite(value));
    if shown.is_halfway::<F>() {
        // These digits rely on readers that round halves to even, which PostgreSQL does not.
        let stricter = (1..=F::DIGITS).map(|n| Digits::read(&format!("{value:.*e}", n - 1)));
        if let Some(found) = stricter.into_iter().find(|d| d.reads_as(value) && !d.is_halfway::<F>()) {
            shown = found;
        }
    }
    shown.write(out, F::FIXED_BELOW);
}

/// Significant digits without sign and point, and the exponent of the first.
struct Digits {
    digits: [u8; 20],
    length: usize,
    exponent: i32,
}

impl Digits {
    /// Reads a number as Rust writes them: `-12.5`, `0.001` or `1.5e-7`.
    fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = whole.trim_start_matches('-');
        let all = || whole.bytes().chain(fraction.bytes());
        let leading = all().take_while(|d| *d == b'0').count();
        let mut found = Self { digits: [0; 20], length: 0, exponent: exponent.parse().unwrap_or(0) };
        found.exponent += whole.len() as i32 - 1 - leading as i32;
        for (place, digit) in found.digits.iter_mut().zip(all().skip(leading)) {
            *place = digit;
            found.length += 1;
        }
        while found.length > 1 && found.digits[found.length - 1] == b'0' {
            found.length -= 1;
        }
        found
    }

    fn as_slice(&self) -> &[u8] {
        &self.digits[..self.length]
    }

    /// Whether this lies exactly between two neighbouring floats. Only whole numbers do with so few digits.
    fn is_halfway<F: Float>(&self) -> bool {
        let zeros = self.exponent + 1 - self.length as i32;
        // A greater power of five alone has more bits than a value half way.
        if !(0..=25).contains(&zeros) {
            return false;
        }
        let digits = self.as_slice().iter().fold(0u128, |n, d| n * 10 + u128::from(d - b'0'));
        let odd = digits * 5u128.pow(zeros.unsigned_abs());
        odd != 0 && u128::BITS - odd.leading_zeros() - odd.trailing_zeros() == F::HALFWAY_BITS
    }

    fn reads_as<F: Float>(&self, value: F) -> bool {
        let mut text = BytesMut::new();
        let wide: f64 = value.into();
        if wide.is_sign_negative() {
            text.extend_from_slice(b"-");
        }
        self.write(&mut text, 0);
        std::str::from_utf8(&text).ok().and_then(|t| t.parse().ok()) == Some(value)
    }

    fn write(&self, out: &mut BytesMut, fixed_below: i32) {
        let digits = self.as_slice();
        if !(-4..fixed_below).contains(&self.exponent) {
            out.extend_from_slice(&digits[..1]);
            if digits.len() > 1 {
                out.extend_from_slice(b".");
                out.extend_from_slice(&digits[1..]);
            }
            out.extend_from_slice(if self.exponent < 0 { b"e-" } else { b"e+" });
            if self.exponent.abs() < 10 {
                out.extend_from_slice(b"0");
            }
            out.extend_from_slice(itoa::Buffer::new().format(self.exponent.abs()).as_bytes());
        } else if self.exponent < 0 {
            out.extend_from_slice(&b"0.0000"[..1 + self.exponent.unsigned_abs() as usize]);
            out.extend_from_slice(digits);
        } else {
            let whole = self.exponent.unsigned_abs() as usize + 1;
            if digits.len() <= whole {
                out.extend_from_slice(digits);
                out.resize(out.len() + whole - digits.len(), b'0');
            } else {
                out.extend_from_slice(&digits[..whole]);
                out.extend_from_slice(b".");
                out.extend_from_slice(&digits[whole..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<F: Float>(value: F) -> String {
        let mut out = BytesMut::new();
        write(&mut out, value);
        String::from_utf8(out.to_vec()).expect("text")
    }

    #[test]
    #[allow(clippy::excessive_precision, reason = "the digits are what is tested")]
    fn doubles_as_postgresql_prints_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e15, "1e+15"),
            (123_456_789_012_345.0, "123456789012345"),
            (1_234_567.0, "1234567"),
            (1_234_567.5, "1234567.5"),
            (100_000_000.0, "100000000"),
            (1e-4, "0.0001"),
            (1.5e-4, "0.00015"),
            (1e-5, "1e-05"),
            (1e23, "9.999999999999999e+22"),
            (26_112_509_395_344.562_5, "26112509395344.562"),
            (-1_641_239_692_579_889.2, "-1.6412396925798892e+15"),
            (-1e23, "-9.999999999999999e+22"),
            (5e-324, "5e-324"),
            (9_007_199_254_740_992.0, "9.007199254740992e+15"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(shown(value), text);
        }
    }

    #[test]
    #[allow(clippy::excessive_precision, reason = "the digits are what is tested")]
    fn reals_as_postgresql_prints_them() {
        for (value, text) in [
            (1e6f32, "1e+06"),
            (123_456.0, "123456"),
            (999_999.0, "999999"),
            (8_388_609.0, "8.388609e+06"),
            (16_777_216.0, "1.6777216e+07"),
            (3_090_883.25, "3.0908832e+06"),
            (0.1, "0.1"),
            (1e-5, "1e-05"),
            (f32::MAX, "3.4028235e+38"),
        ] {
            assert_eq!(shown(value), text);
        }
    }

    #[test]
    fn every_float_reads_back() {
        let mut bits = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (wide, narrow) = (f64::from_bits(bits), f32::from_bits((bits >> 32) as u32));
            if wide.is_finite() {
                assert_eq!(shown(wide).parse(), Ok(wide));
            }
            if narrow.is_finite() {
                assert_eq!(shown(narrow).parse(), Ok(narrow));
            }
        }
    }
}
