//! `to_char` of exact numbers: 9 and 0 for digits, the point, groups, FM, and the sign as S, MI or PR.

use crate::{Result, SqlError};

/// A pattern in parts.
#[derive(Debug)]
pub(super) struct NumberPattern {
    parts: Vec<Part>,
    sign: Sign,
    /// Without padding.
    plain: bool,
    /// Digits before and after the point.
    whole: usize,
    pub(super) decimals: usize,
    /// The first digit before the point that is shown though it is zero, counted from the left.
    first_zero: Option<usize>,
    /// How many decimals are shown though they are zero.
    kept_decimals: usize,
}

#[derive(Debug, PartialEq)]
enum Part {
    Digit,
    Point,
    Comma,
    Text(char),
}

#[derive(Debug, PartialEq, Clone, Copy)]
enum Sign {
    Before,
    PlusBefore,
    PlusAfter,
    MinusAfter,
    Brackets,
}

impl NumberPattern {
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut pattern = Self {
            parts: vec![],
            sign: Sign::Before,
            plain: false,
            whole: 0,
            decimals: 0,
            first_zero: None,
            kept_decimals: 0,
        };
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let upper = rest.to_ascii_uppercase();
            let taken = if upper.starts_with("FM") {
                pattern.plain = true;
                2
            } else if upper.starts_with("MI") && rest.len() == 2 && !pattern.parts.is_empty() {
                pattern.signed(Sign::MinusAfter, text)?;
                2
            } else if upper.starts_with("PR") && rest.len() == 2 && !pattern.parts.is_empty() {
                pattern.signed(Sign::Brackets, text)?;
                2
            } else if upper.starts_with('S') && !upper.starts_with("SG") && pattern.parts.is_empty() {
                pattern.signed(Sign::PlusBefore, text)?;
                1
            } else if upper == "S" {
                pattern.signed(Sign::PlusAfter, text)?;
                1
            } else {
                pattern.take(c, text)?;
                c.len_utf8()
            };
            rest = &rest[taken..];
        }
        Ok(pattern)
    }

    fn signed(&mut self, sign: Sign, text: &str) -> Result<()> {
        if self.sign != Sign::Before {
            return Err(refused(text));
        }
        self.sign = sign;
        Ok(())
    }

    fn take(&mut self, c: char, text: &str) -> Result<()> {
        let has_point = self.parts.contains(&Part::Point);
        self.parts.push(match c {
            '9' | '0' if has_point => {
                self.decimals += 1;
                if c == '0' {
                    self.kept_decimals = self.decimals;
                }
                Part::Digit
            }
            '9' | '0' => {
                if c == '0' {
                    self.first_zero.get_or_insert(self.whole);
                }
                self.whole += 1;
                Part::Digit
            }
            '.' | 'D' | 'd' if !has_point => Part::Point,
            ',' | 'G' | 'g' => Part::Comma,
            c if c.is_ascii_alphabetic() || matches!(c, '.' | '"' | '\\') => return Err(refused(text)),
            c => Part::Text(c),
        });
        Ok(())
    }

    /// A number with `decimals` digits after the point, all its digits in `digits`.
    pub(super) fn show(&self, negative: bool, digits: &str) -> String {
        let point = digits.len().saturating_sub(self.decimals);
        let whole = digits[..point].trim_start_matches('0');
        let decimals = &digits[point..];
        let too_long = whole.len() > self.whole;
        let is_zero = digits.bytes().all(|b| b == b'0');
        let has_point = self.parts.contains(&Part::Point);
        // A zero before the point is left out where decimals follow.
        let lone_zero = whole.is_empty() && (!has_point || (self.plain && is_zero && self.kept_decimals == 0));
        let first = self.whole.saturating_sub(whole.len());
        let first = if lone_zero { self.whole.saturating_sub(1) } else { first };
        let first = if too_long { 0 } else { self.first_zero.map_or(first, |zero| zero.min(first)) };
        let shown_decimals = if self.plain && !too_long {
            decimals.trim_end_matches('0').len().max(self.kept_decimals)
        } else {
            self.decimals
        };
        let mut out = String::new();
        let (mut at, mut after, mut sign) = (0, None, Some(self.sign_before(negative)));
        for part in &self.parts {
            let begins = match part {
                Part::Digit => after.is_some() || at >= first,
                Part::Point => true,
                _ => false,
            };
            if begins && let Some(sign) = sign.take() {
                out.push_str(sign);
            }
            match (part, &mut after) {
                (Part::Digit, None) => {
                    if at >= first {
                        let digit = (at + whole.len()).checked_sub(self.whole).and_then(|i| whole.as_bytes().get(i));
                        out.push(if too_long { '#' } else { digit.map_or('0', |d| char::from(*d)) });
                    } else if !self.plain {
                        out.push(' ');
                    }
                    at += 1;
                }
                (Part::Digit, Some(n)) => {
                    if *n < shown_decimals {
                        out.push(if too_long { '#' } else { char::from(decimals.as_bytes()[*n]) });
                    }
                    *n += 1;
                }
                (Part::Point, _) => {
                    out.push('.');
                    after = Some(0);
                }
                (Part::Comma, _) if sign.is_none() => out.push(','),
                (Part::Comma, _) if self.plain => {}
                (Part::Comma, _) => out.push(' '),
                (Part::Text(c), _) => out.push(*c),
            }
        }
        out.push_str(self.sign_after(negative));
        out
    }

    fn sign_before(&self, negative: bool) -> &'static str {
        match (self.sign, negative) {
            (Sign::Before | Sign::PlusBefore, true) => "-",
            (Sign::PlusBefore, false) => "+",
            (Sign::Brackets, true) => "<",
            (Sign::Before | Sign::Brackets, false) if !self.plain => " ",
            _ => "",
        }
    }

    fn sign_after(&self, negative: bool) -> &'static str {
        match (self.sign, negative) {
            (Sign::PlusAfter | Sign::MinusAfter, true) => "-",
            (Sign::PlusAfter, false) => "+",
            (Sign::Brackets, true) => ">",
            (Sign::MinusAfter | Sign::Brackets, false) if !self.plain => " ",
            _ => "",
        }
    }
}

fn refused(text: &str) -> SqlError {
    SqlError::unsupported(format!("the number pattern \"{text}\""), "Patterns: 9 0 . , D G FM S MI PR.")
}
