//! Text that stands for a uuid.

use crate::{Result, SqlError};

/// Hyphens after each group of four digits, braces and capitals are accepted; the usual form comes out.
pub fn canonical(text: &str) -> Result<String> {
    parse(text)
        .map(|bytes| shown(&bytes))
        .ok_or_else(|| SqlError::new("22P02", format!("invalid input syntax for type uuid: \"{text}\"")))
}

fn parse(text: &str) -> Option<[u8; 16]> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('{').map_or(Some(trimmed), |t| t.strip_suffix('}'))?;
    let groups_well = inner.split('-').all(|group| !group.is_empty() && group.len().is_multiple_of(4));
    let digits: String = inner.chars().filter(|c| *c != '-').collect();
    if !groups_well || digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
}

/// The usual text of a uuid.
pub fn shown(bytes: &[u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(*bytes));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::canonical;

    #[test]
    fn forms_that_postgresql_takes() {
        let usual = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        for text in [
            usual,
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        ] {
            assert_eq!(canonical(text).unwrap(), usual);
        }
        for text in [
            "",
            "x",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
            "{a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0-eebc999c0b4ef8bb6d6bb9bd380a11",
        ] {
            assert_eq!(canonical(text).unwrap_err().code, "22P02", "{text}");
        }
    }
}
