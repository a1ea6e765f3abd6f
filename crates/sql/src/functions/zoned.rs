//! What depends on a time zone: casts to and from timestamptz, days and months added to it, and its parts of time.

use super::arithmetic::coded;
use super::cast::{cast_column, time_from_text, timestamp_text};
use crate::types::UTC;
use crate::zone::{Zone, offset_text};
use crate::{SqlError, error::external};
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringViewArray};
use arrow::datatypes::{DataType, IntervalMonthDayNanoType, IntervalUnit, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Days, Months};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

type Micros = PrimitiveArray<TimestampMicrosecondType>;

pub(super) const LOCAL: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

pub(super) fn zoned() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

pub(super) fn is_zoned(ty: &DataType) -> bool {
    matches!(ty, DataType::Timestamp(_, Some(_)))
}

fn is_local(ty: &DataType) -> bool {
    matches!(ty, DataType::Timestamp(_, None) | DataType::Date32)
}

fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

/// Whether a cast between these types depends on the time zone.
pub(super) fn depends(from: &DataType, to: &DataType) -> bool {
    let is_time = matches!(to, DataType::Time32(_) | DataType::Time64(_));
    (is_zoned(from) && (is_local(to) || is_text(to) || is_time)) || ((is_local(from) || is_text(from)) && is_zoned(to))
}

/// Casts a column as it is done where clocks show the time of `zone`.
pub(crate) fn cast_in_zone(column: &ArrayRef, target: &DataType, zone: Zone) -> Result<ArrayRef> {
    let from = column.data_type();
    if zone == Zone::Utc || !depends(from, target) {
        return cast_column(column, target);
    }
    let converted: ArrayRef = if is_zoned(from) && is_text(target) {
        Arc::new(show(column, zone)?)
    } else if is_zoned(from) {
        Arc::new(moved(&cast_column(column, &zoned())?, |micros| zone.local(micros))?)
    } else if is_text(from) {
        time_from_text(column, target, zone)?
    } else {
        let local = cast_column(column, &LOCAL)?;
        Arc::new(moved(&local, |micros| zone.instant(micros))?.with_timezone(UTC))
    };
    cast_column(&converted, target)
}

fn moved(column: &ArrayRef, by: impl Fn(i64) -> Option<i64>) -> Result<Micros> {
    let values = column.as_primitive::<TimestampMicrosecondType>().iter();
    let moved = values.map(|v| v.map(|v| by(v).ok_or_else(out_of_range)).transpose());
    Ok(moved.collect::<Result<Vec<_>>>()?.into())
}

fn out_of_range() -> datafusion::error::DataFusionError {
    coded("22008", "timestamp out of range")
}

fn show(column: &ArrayRef, zone: Zone) -> Result<StringViewArray> {
    let column = cast_column(column, &zoned())?;
    let text = |micros: i64| -> Result<String> {
        let local = timestamp_text(zone.local(micros).ok_or_else(out_of_range)?);
        let offset = offset_text(zone.offset_at(micros));
        Ok(match local.strip_suffix(" BC") {
            Some(local) => format!("{local}{offset} BC"),
            None => format!("{local}{offset}"),
        })
    };
    let values = column.as_primitive::<TimestampMicrosecondType>().iter();
    values.map(|v| v.map(text).transpose()).collect()
}

/// A function of one time zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum What {
    /// A cast.
    Cast(DataType),
    /// Adds an interval, or takes it away: months and days are those of the zone's calendar.
    Add { negative: bool },
    /// Cuts off what is smaller than this many microseconds.
    Truncate(i64),
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct InZone {
    what: What,
    zone: Zone,
    name: String,
    signature: Signature,
}

impl InZone {
    pub(super) fn new(what: What, zone: Zone) -> Self {
        let name = match &what {
            What::Cast(target) => {
                format!("cast_to_{}_in_{zone}", crate::SqlType::of_arrow(target).name().replace(' ', "_"))
            }
            What::Add { negative } => format!("{}_in_{zone}", if *negative { "subtract" } else { "add" }),
            What::Truncate(unit) => format!("truncate_{unit}_in_{zone}"),
        };
        Self { what, zone, name, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn column(&self, args: &[ArrayRef]) -> Result<ArrayRef> {
        let zone = self.zone;
        let instants = || cast_column(&args[0], &zoned());
        match &self.what {
            What::Cast(target) => cast_in_zone(&args[0], target, zone),
            What::Truncate(unit) => {
                let cut = |micros: i64| Some(micros - zone.local(micros)?.rem_euclid(*unit));
                Ok(Arc::new(moved(&instants()?, cut)?.with_timezone(UTC)))
            }
            What::Add { negative } => {
                let intervals = cast_column(&args[1], &DataType::Interval(IntervalUnit::MonthDayNano))?;
                let pairs = instants()?;
                let pairs = pairs
                    .as_primitive::<TimestampMicrosecondType>()
                    .iter()
                    .zip(intervals.as_primitive::<IntervalMonthDayNanoType>().iter());
                let sign = if *negative { -1 } else { 1 };
                let sums = pairs.map(|pair| match pair {
                    (Some(micros), Some(i)) => {
                        let sum = add(zone, micros, sign * i64::from(i.months), sign * i64::from(i.days));
                        let sum = sum.and_then(|sum| sum.checked_add(sign * (i.nanoseconds / 1_000)));
                        sum.map(Some).ok_or_else(out_of_range)
                    }
                    _ => Ok(None),
                });
                let sums: Micros = sums.collect::<Result<Vec<_>>>()?.into();
                Ok(Arc::new(sums.with_timezone(UTC)))
            }
        }
    }
}

/// The same time of day on another day of the zone's calendar, months first.
fn add(zone: Zone, micros: i64, months: i64, days: i64) -> Option<i64> {
    if months == 0 && days == 0 {
        return Some(micros);
    }
    let mut local = DateTime::from_timestamp_micros(zone.local(micros)?)?.naive_utc();
    let size = Months::new(u32::try_from(months.abs()).ok()?);
    local = if months < 0 { local.checked_sub_months(size)? } else { local.checked_add_months(size)? };
    let size = Days::new(days.unsigned_abs());
    local = if days < 0 { local.checked_sub_days(size)? } else { local.checked_add_days(size)? };
    zone.instant(local.and_utc().timestamp_micros())
}

impl ScalarUDFImpl for InZone {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match &self.what {
            What::Cast(target) => target.clone(),
            _ => zoned(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        invoked(&args, |args| self.column(args))
    }
}

fn invoked(args: &ScalarFunctionArgs, column: impl Fn(&[ArrayRef]) -> Result<ArrayRef>) -> Result<ColumnarValue> {
    let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
    let rows = if scalar { 1 } else { args.number_rows };
    let arrays = args.args.iter().map(|a| a.to_array(rows)).collect::<Result<Vec<_>>>()?;
    let result = column(&arrays)?;
    crate::functions::one_or_all(scalar, result)
}

/// `timezone(zone, time)`, which `time AT TIME ZONE zone` stands for.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AtTimeZone {
    signature: Signature,
}

impl AtTimeZone {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for AtTimeZone {
    fn name(&self) -> &str {
        "timezone"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [zone, time] if is_text(zone) || zone.is_null() => match time {
                DataType::Timestamp(_, None) => Ok(vec![DataType::Utf8View, LOCAL]),
                DataType::Timestamp(_, Some(_)) | DataType::Date32 | DataType::Null => {
                    Ok(vec![DataType::Utf8View, zoned()])
                }
                text if is_text(text) => Ok(vec![DataType::Utf8View, zoned()]),
                other => Err(external(SqlError::unsupported(
                    format!("AT TIME ZONE of type {}", crate::SqlType::of_arrow(other).name()),
                    "It takes a timestamp: cast to timestamp or timestamptz.",
                ))),
            },
            _ => Err(external(SqlError::unsupported(
                "AT TIME ZONE with an interval",
                "Name the zone, or write its offset westwards: '<+02>-02'.",
            ))),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(if types.get(1).is_some_and(is_zoned) { LOCAL } else { zoned() })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        invoked(&args, |args| {
            let (names, times) = (cast_column(&args[0], &DataType::Utf8View)?, &args[1]);
            let from_zoned = is_zoned(times.data_type());
            let mut last: Option<(&str, Zone)> = None;
            let mut at = |name, micros| -> Result<i64> {
                let zone = match last {
                    Some((known, zone)) if known == name => zone,
                    _ => Zone::parse(name).ok_or_else(|| unknown_zone(name))?,
                };
                last = Some((name, zone));
                let shifted = if from_zoned { zone.local(micros) } else { zone.instant(micros) };
                shifted.ok_or_else(out_of_range)
            };
            let pairs = names.as_string_view().iter().zip(times.as_primitive::<TimestampMicrosecondType>().iter());
            let shifted = pairs.map(|(name, time)| name.zip(time).map(|(n, t)| at(n, t)).transpose());
            let shifted: Micros = shifted.collect::<Result<Vec<_>>>()?.into();
            Ok(if from_zoned { Arc::new(shifted) } else { Arc::new(shifted.with_timezone(UTC)) })
        })
    }

    fn is_strict(&self) -> bool {
        true
    }
}

fn unknown_zone(name: &str) -> datafusion::error::DataFusionError {
    let error = SqlError::new("22023", format!("time zone \"{name}\" not recognized"));
    external(error.hint("Name a zone of the tz database, as Europe/Berlin."))
}
