//! Values on their way into a column: assignment casts, and the forms that the types which are stored as text have.

use crate::functions::cast::cast_column;
use crate::functions::decimal::{QUOTIENT_SCALE, scale_needed};
use crate::functions::zoned::cast_in_zone;
use crate::functions::{json, uuid};
use crate::types::DEFAULT_NUMERIC;
use crate::{Result, SqlError, SqlType, Zone};
use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type};
use std::sync::Arc;

/// The values as a column of type `ty` stores them: numbers round, what does not fit is an error.
pub fn assign_column(values: &ArrayRef, ty: &SqlType) -> Result<ArrayRef> {
    if *ty == SqlType::Numeric(None) {
        keeps_decimals(values)?;
    }
    let stored = cast_column(values, &ty.arrow())?;
    match ty {
        SqlType::Uuid => written(&stored, uuid::canonical),
        SqlType::Json => written(&stored, json::checked),
        SqlType::Jsonb => written(&stored, json::normal),
        SqlType::Varchar(Some(limit)) => fits_length(&stored, *limit).map(|()| stored),
        _ => Ok(stored),
    }
}

/// The same, where clocks show the time of `zone`.
pub fn assign_in_zone(values: &ArrayRef, ty: &SqlType, zone: Zone) -> Result<ArrayRef> {
    if zone == Zone::Utc {
        return assign_column(values, ty);
    }
    let from = values.data_type();
    let has_zone = matches!(from, DataType::Timestamp(_, Some(_)));
    if has_zone != (*ty == SqlType::TimestampTz) {
        return assign_column(&cast_in_zone(values, &ty.arrow(), zone)?, ty);
    }
    assign_column(values, ty)
}

fn written(values: &ArrayRef, form: impl Fn(&str) -> Result<String>) -> Result<ArrayRef> {
    let texts = values.as_string_view().iter().map(|v| v.map(&form).transpose());
    Ok(Arc::new(texts.collect::<Result<StringViewArray>>()?))
}

fn fits_length(values: &ArrayRef, limit: u32) -> Result<()> {
    let too_long = |v: &str| v.len() > limit as usize && v.trim_end().chars().count() > limit as usize;
    if values.as_string_view().iter().flatten().any(too_long) {
        return Err(SqlError::new("22001", format!("value too long for type character varying({limit})")));
    }
    Ok(())
}

/// A number that was written down is stored as it is, or refused. Quotients and means have more decimals than a column
/// without a scale, and round.
fn keeps_decimals(values: &ArrayRef) -> Result<()> {
    let limit = i64::from(DEFAULT_NUMERIC.1);
    let lost = match values.data_type() {
        DataType::Decimal128(38, QUOTIENT_SCALE) => false,
        DataType::Decimal128(_, scale) if i64::from(*scale) > limit => {
            let unit = 10i128.pow(u32::from(scale.unsigned_abs()) - limit as u32);
            values.as_primitive::<Decimal128Type>().iter().flatten().any(|v| v % unit != 0)
        }
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => {
            let text = cast(values, &DataType::Utf8View)?;
            text.as_string_view().iter().flatten().any(|v| scale_needed(v).is_some_and(|s| s > limit))
        }
        _ => false,
    };
    if lost {
        return Err(SqlError::new(
            "22003",
            format!("a numeric without a scale keeps {limit} decimals, this value has more"),
        )
        .hint("Declare the column with a scale, numeric(38,18) for example, or round the value."));
    }
    Ok(())
}
