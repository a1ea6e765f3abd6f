use sluice_engine::Retention;

const SECOND: i64 = 1_000_000;

/// Reads `1h,1d,30d`: how long every snapshot is kept, one a minute, one an hour.
pub(crate) fn parse_retention(text: &str) -> Result<Retention, String> {
    let mut times = text.split(',').map(parse_time);
    let mut next = || times.next().transpose().map(|t| t.unwrap_or(0));
    let (all_micros, minutely_micros, hourly_micros) = (next()?, next()?, next()?);
    match times.next() {
        Some(_) => Err("give at most three times, such as 1h,1d,30d".to_string()),
        None => Ok(Retention { all_micros, minutely_micros, hourly_micros, ..Retention::default() }),
    }
}

fn parse_time(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[digits..] {
        "s" => SECOND,
        "m" | "min" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        "d" => 86_400 * SECOND,
        _ => return Err(format!("{text:?} is no time: write 90s, 5min, 1h or 30d")),
    };
    let number: i64 = text[..digits].parse().map_err(|_| format!("{text:?} is no time: write 90s, 5min, 1h or 30d"))?;
    number.checked_mul(unit).ok_or_else(|| format!("{text} is too long"))
}

#[cfg(test)]
mod tests {
    use super::parse_retention;

    #[test]
    fn retention_reads_one_to_three_times() {
        let read = |text| parse_retention(text).map(|r| (r.all_micros, r.minutely_micros, r.hourly_micros));
        assert_eq!(read("5min"), Ok((300_000_000, 0, 0)));
        assert_eq!(read("1h, 1d,30d"), Ok((3_600_000_000, 86_400_000_000, 2_592_000_000_000)));
        for wrong in ["", "5", "min", "5 weeks", "1h,1d,30d,1d", "-1h", "99999999999999d"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
