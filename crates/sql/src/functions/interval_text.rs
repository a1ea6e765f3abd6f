//! Intervals in forms that Arrow's parser does not read: `3 days 04:05:06`, `00:00:00.5`, `1-2` (years and months).

/// The text in words of units; `None` where it has no such form.
pub(crate) fn spelled(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let spelled: Vec<Option<String>> = words.iter().map(|w| clock(w).or_else(|| years(w))).collect();
    if spelled.iter().all(Option::is_none) {
        return None;
    }
    let words = spelled.into_iter().zip(words).map(|(spelled, word)| spelled.unwrap_or_else(|| word.to_string()));
    Some(words.collect::<Vec<_>>().join(" "))
}

/// `-04:05:06.7`: the sign is that of the whole.
fn clock(word: &str) -> Option<String> {
    let (sign, rest) = signed(word);
    let parts: Vec<&str> = rest.split(':').collect();
    let (last, whole) = parts.split_last()?;
    let numbers = whole.iter().all(|p| digits(p)) && last.split('.').all(digits) && last.matches('.').count() < 2;
    let units = ["hours", "minutes", "seconds"];
    if !numbers || !(2..=3).contains(&parts.len()) || (parts.len() == 2 && last.contains('.')) {
        return None;
    }
    Some(parts.iter().zip(units).map(|(p, unit)| format!("{sign}{p} {unit}")).collect::<Vec<_>>().join(" "))
}

fn years(word: &str) -> Option<String> {
    let (sign, rest) = signed(word);
    let (years, months) = rest.split_once('-')?;
    (digits(years) && digits(months)).then(|| format!("{sign}{years} years {sign}{months} months"))
}

fn signed(word: &str) -> (&str, &str) {
    match word.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", word.strip_prefix('+').unwrap_or(word)),
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::spelled;

    #[test]
    fn clocks_and_years() {
        for (text, expected) in [
            ("3 days 04:05:06", "3 days 04 hours 05 minutes 06 seconds"),
            ("-00:00:00.5", "-00 hours -00 minutes -00.5 seconds"),
            ("1:30", "1 hours 30 minutes"),
            ("1-2", "1 years 2 months"),
        ] {
            assert_eq!(spelled(text).unwrap(), expected);
        }
        for text in ["1 day", "", "1:", "1:2:3:4", "-1 month", "a:b"] {
            assert_eq!(spelled(text), None, "{text}");
        }
    }
}
