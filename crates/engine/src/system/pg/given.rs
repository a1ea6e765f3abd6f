//! Functions of pg_catalog that stand in FROM and whose rows are the same for everybody.

use super::cell::Cell;
use super::relation::{Row, relation};
use arrow::array::RecordBatch;
use chrono::Utc;
use sluice_sql::{Result, Zone};
use sqlparser::keywords::{ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_IDENTIFIER};

const KEYWORDS: &str = "word text, catcode char, barelabel bool=t, catdesc text, baredesc text";
const ZONES: &str = "name text, abbrev text, utc_offset interval, is_dst bool";

/// The rows of the function, if it is one of these.
pub(crate) fn function(name: &str) -> Result<Option<RecordBatch>> {
    match name {
        "pg_get_keywords" => relation(KEYWORDS, &keywords()).map(Some),
        "pg_timezone_names" => relation(ZONES, &zones()).map(Some),
        _ => Ok(None),
    }
}

fn keywords() -> Vec<Row> {
    let word = |(word, keyword): (&&str, _)| {
        let reserved = RESERVED_FOR_IDENTIFIER.contains(keyword);
        let (code, meaning) = if reserved { ("R", "reserved") } else { ("U", "unreserved") };
        vec![("word", word.to_lowercase().into()), ("catcode", code.into()), ("catdesc", meaning.into())]
    };
    ALL_KEYWORDS.iter().zip(ALL_KEYWORDS_INDEX).map(word).collect()
}

fn zones() -> Vec<Row> {
    let now = Utc::now();
    let zone = |(name, zone): (&'static str, Zone)| {
        let (abbreviation, is_summer) = zone.abbreviation(now);
        let seconds = i64::from(zone.offset_at(now.timestamp_micros()));
        vec![
            ("name", name.into()),
            ("abbrev", abbreviation.into()),
            ("utc_offset", Cell::Int(seconds * 1_000_000)),
            ("is_dst", is_summer.into()),
        ]
    };
    Zone::named().map(zone).collect()
}
