//! Patterns taken apart: fields with their modifiers, and the text between them.

use crate::{Result, SqlError};

/// A pattern in parts.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// Text as it stands.
    Text(String),
    Field(Field),
}

#[derive(Debug, PartialEq)]
pub(super) struct Field {
    pub(super) key: Key,
    /// As it was written, for errors.
    pub(super) name: &'static str,
    pub(super) letters: Letters,
    /// FM: without padding.
    pub(super) plain: bool,
    /// TH and th: `1ST` and `1st`.
    pub(super) ordinal: Option<Letters>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Letters {
    Upper,
    Capitalized,
    Lower,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    YearWithComma,
    Year(u32),
    IsoYear(u32),
    IsoWeek,
    IsoDay,
    IsoDayOfYear,
    Century,
    Julian,
    Quarter,
    MonthName,
    MonthShort,
    Month,
    WeekOfYear,
    WeekOfMonth,
    DayName,
    DayShort,
    DayOfYear,
    Day,
    DayOfWeek,
    Hour12,
    Hour24,
    Minute,
    Second,
    Fraction(u32),
    SecondOfDay,
    Noon,
    NoonDotted,
    Era,
    EraDotted,
    ZoneName,
    ZoneHours,
    ZoneMinutes,
    ZoneOffset,
}

/// Names of fields, a longer one before those that it begins with. The lower case of a name means the same.
const KEYS: [(&str, Key); 52] = [
    ("SSSSS", Key::SecondOfDay),
    ("SSSS", Key::SecondOfDay),
    ("Y,YYY", Key::YearWithComma),
    ("YYYY", Key::Year(4)),
    ("YYY", Key::Year(3)),
    ("YY", Key::Year(2)),
    ("Y", Key::Year(1)),
    ("IDDD", Key::IsoDayOfYear),
    ("IYYY", Key::IsoYear(4)),
    ("IYY", Key::IsoYear(3)),
    ("IY", Key::IsoYear(2)),
    ("IW", Key::IsoWeek),
    ("ID", Key::IsoDay),
    ("I", Key::IsoYear(1)),
    ("MONTH", Key::MonthName),
    ("MON", Key::MonthShort),
    ("MM", Key::Month),
    ("MI", Key::Minute),
    ("MS", Key::Fraction(3)),
    ("DAY", Key::DayName),
    ("DDD", Key::DayOfYear),
    ("DD", Key::Day),
    ("DY", Key::DayShort),
    ("D", Key::DayOfWeek),
    ("HH24", Key::Hour24),
    ("HH12", Key::Hour12),
    ("HH", Key::Hour12),
    ("SS", Key::Second),
    ("US", Key::Fraction(6)),
    ("FF1", Key::Fraction(1)),
    ("FF2", Key::Fraction(2)),
    ("FF3", Key::Fraction(3)),
    ("FF4", Key::Fraction(4)),
    ("FF5", Key::Fraction(5)),
    ("FF6", Key::Fraction(6)),
    ("A.M.", Key::NoonDotted),
    ("P.M.", Key::NoonDotted),
    ("AM", Key::Noon),
    ("PM", Key::Noon),
    ("A.D.", Key::EraDotted),
    ("B.C.", Key::EraDotted),
    ("AD", Key::Era),
    ("BC", Key::Era),
    ("CC", Key::Century),
    ("J", Key::Julian),
    ("Q", Key::Quarter),
    ("WW", Key::WeekOfYear),
    ("W", Key::WeekOfMonth),
    ("TZH", Key::ZoneHours),
    ("TZM", Key::ZoneMinutes),
    ("TZ", Key::ZoneName),
    ("OF", Key::ZoneOffset),
];

/// Names that PostgreSQL has and that are not built.
const REFUSED: [&str; 3] = ["TM", "RM", "FX"];

impl Pattern {
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut parts: Vec<Part> = vec![];
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '"' {
                let (quoted, after) = quoted(&rest[1..]);
                push(&mut parts, &quoted);
                rest = after;
            } else if let Some(escaped) = rest.strip_prefix("\\\"") {
                push(&mut parts, "\"");
                rest = escaped;
            } else if let Some((field, after)) = field(rest)? {
                parts.push(Part::Field(field));
                rest = after;
            } else {
                push(&mut parts, &rest[..first.len_utf8()]);
                rest = &rest[first.len_utf8()..];
            }
        }
        Ok(Self { parts })
    }
}

fn push(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Text(last)) => last.push_str(text),
        _ => parts.push(Part::Text(text.to_string())),
    }
}

/// Text up to the closing quote, in which a backslash keeps the next character.
fn quoted(text: &str) -> (String, &str) {
    let mut content = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (content, &text[at + 1..]),
            '\\' => content.extend(chars.next().map(|(_, c)| c)),
            c => content.push(c),
        }
    }
    (content, "")
}

fn field(text: &str) -> Result<Option<(Field, &str)>> {
    let (plain, start) = match text.strip_prefix("FM").or_else(|| text.strip_prefix("fm")) {
        Some(start) => (true, start),
        None => (false, text),
    };
    if let Some(name) = REFUSED.iter().find(|name| letters(start, name).is_some()) {
        return Err(SqlError::unsupported(format!("the pattern {name}"), "Quote it if it is meant as text: \"TM\"."));
    }
    let found = KEYS.iter().find_map(|(name, key)| letters(start, name).map(|letters| (*name, *key, letters)));
    let Some((name, key, letters)) = found else { return Ok(None) };
    let rest = &start[name.len()..];
    let (ordinal, rest) = match (rest.strip_prefix("TH"), rest.strip_prefix("th")) {
        (Some(rest), _) => (Some(Letters::Upper), rest),
        (_, Some(rest)) => (Some(Letters::Lower), rest),
        _ => (None, rest),
    };
    if rest.starts_with("SP") {
        return Err(SqlError::unsupported("the pattern SP", "Quote it if it is meant as text: \"SP\"."));
    }
    Ok(Some((Field { key, name, letters, plain, ordinal }, rest)))
}

/// How `name` is written at the start of `text`, if it is.
fn letters(text: &str, name: &str) -> Option<Letters> {
    let start = text.get(..name.len())?;
    let capitalized = matches!(name, "MONTH" | "MON" | "DAY" | "DY")
        && start[..1] == name[..1]
        && start[1..] == name[1..].to_lowercase();
    if start == name {
        Some(Letters::Upper)
    } else if start == name.to_lowercase() {
        Some(Letters::Lower)
    } else {
        capitalized.then_some(Letters::Capitalized)
    }
}
