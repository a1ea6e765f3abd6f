//! Values in PostgreSQL's binary format, appended to the output. What is only its big-endian bytes is written in place.

use bytes::{BufMut, BytesMut};
use sluice_sql::calendar::{EPOCH_DAYS, EPOCH_MICROS};

const NUMERIC_NEGATIVE: u16 = 0x4000;

/// Days since 1970 as days since 2000; `None` outside of PostgreSQL's range.
pub(crate) fn date(days: i32) -> Option<i32> {
    days.checked_sub(EPOCH_DAYS)
}

/// Microseconds since 1970 as microseconds since 2000; `None` outside of PostgreSQL's range.
pub(crate) fn timestamp(micros: i64) -> Option<i64> {
    micros.checked_sub(EPOCH_MICROS)
}

pub(crate) fn interval(out: &mut BytesMut, months: i32, days: i32, micros: i64) {
    out.put_i64(micros);
    out.put_i32(days);
    out.put_i32(months);
}

/// A decimal from its digits without point and without leading zeros: groups of four digits, aligned at the point,
/// without the groups of zeros at the end.
pub(crate) fn numeric(out: &mut BytesMut, negative: bool, digits: &[u8], scale: i8) {
    let shown_scale = scale.max(0) as u16;
    if digits == b"0" {
        out.put_slice(&[0; 6]);
        out.put_u16(shown_scale);
        return;
    }
    // Digits before the point; a number below 0.1 has less than none.
    let whole = digits.len() as i32 - i32::from(scale);
    let lead = (-whole).rem_euclid(4) as usize;
    let groups = (lead + digits.len()).div_ceil(4);
    let group = |g: usize| {
        let digit =
            |place: usize| place.checked_sub(lead).and_then(|p| digits.get(p)).map_or(0, |d| i16::from(d - b'0'));
        (0..4).fold(0i16, |n, i| n * 10 + digit(g * 4 + i))
    };
    let used = (0..groups).rposition(|g| group(g) != 0).map_or(0, |last| last + 1);
    out.put_i16(used as i16);
    out.put_i16(((whole + 3).div_euclid(4) - 1) as i16);
    out.put_u16(if negative { NUMERIC_NEGATIVE } else { 0 });
    out.put_u16(shown_scale);
    for g in 0..used {
        out.put_i16(group(g));
    }
}

/// Numbers with blanks between them: an array of smallint that is counted from 0; `None` if it is none.
pub(crate) fn int2vector(out: &mut BytesMut, text: &str) -> Option<()> {
    let numbers = text.split_whitespace().map(|n| n.parse().ok()).collect::<Option<Vec<i16>>>()?;
    out.put_i32(1);
    out.put_i32(0);
    out.put_u32(sluice_sql::SqlType::Int2.oid());
    out.put_i32(i32::try_from(numbers.len()).ok()?);
    out.put_i32(0);
    for number in numbers {
        out.put_i32(2);
        out.put_i16(number);
    }
    Some(())
}

/// The 16 bytes of a uuid's text; `None` if it is not one.
pub(crate) fn uuid(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0u8; 16];
    let mut digits = text.bytes().filter(|b| *b != b'-').map(|b| (b as char).to_digit(16));
    for byte in &mut bytes {
        *byte = (digits.next()?? * 16 + digits.next()??) as u8;
    }
    digits.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(negative: bool, digits: &str, scale: i8) -> Vec<i16> {
        let mut out = BytesMut::new();
        numeric(&mut out, negative, digits.as_bytes(), scale);
        out.chunks(2).map(|c| i16::from_be_bytes([c[0], c[1]])).collect()
    }

    #[test]
    fn numerics_in_groups_of_four() {
        assert_eq!(shown(false, "0", 2), [0, 0, 0, 2]);
        assert_eq!(shown(false, "12345678", 2), [3, 1, 0, 2, 12, 3456, 7800]);
        assert_eq!(shown(true, "1", 0), [1, 0, 0x4000, 0, 1]);
        assert_eq!(shown(false, "10000", 0), [1, 1, 0, 0, 1]);
        assert_eq!(shown(false, "12", 4), [1, -1, 0, 4, 12]);
        assert_eq!(shown(false, "1234", 8), [1, -2, 0, 8, 1234]);
        assert_eq!(shown(false, "5", 1), [1, -1, 0, 1, 5000]);
        assert_eq!(shown(false, "10050", 2), [2, 0, 0, 2, 100, 5000]);
        assert_eq!(shown(false, "42", -3), [2, 1, 0, 0, 4, 2000]);
    }

    #[test]
    fn uuids() {
        let bytes = uuid("00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(
            bytes,
            Some([0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff])
        );
        assert_eq!(uuid("0011"), None);
        assert_eq!(uuid("00112233-4455-6677-8899-aabbccddeeff0"), None);
        assert_eq!(uuid("zz112233-4455-6677-8899-aabbccddeeff"), None);
    }
}
