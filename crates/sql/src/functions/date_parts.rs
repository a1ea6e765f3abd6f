//! `date_trunc`, `extract` and `date_part` over all times that PostgreSQL has, from microseconds to millennia.

use super::arithmetic::coded;
use super::cast::cast_column;
use super::zoned::{LOCAL, is_zoned, zoned};
use crate::SqlError;
use crate::error::external;
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, PrimitiveArray};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampMicrosecondType,
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// `date_trunc(unit, time)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DateTrunc {
    signature: Signature,
}

impl DateTrunc {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [_, time] = types else { return Err(no_such("date_trunc", types)) };
        match time {
            DataType::Timestamp(_, None) => Ok(vec![DataType::Utf8View, LOCAL]),
            // A date, and text whose type is open, are taken for timestamptz.
            DataType::Timestamp(_, Some(_)) | DataType::Date32 | DataType::Null => {
                Ok(vec![DataType::Utf8View, zoned()])
            }
            t if t.is_string() => Ok(vec![DataType::Utf8View, zoned()]),
            DataType::Interval(_) | DataType::Duration(_) => {
                Ok(vec![DataType::Utf8View, DataType::Interval(IntervalUnit::MonthDayNano)])
            }
            _ => Err(no_such("date_trunc", types)),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match types.get(1) {
            Some(interval @ DataType::Interval(_)) => interval.clone(),
            Some(time) if is_zoned(time) => zoned(),
            _ => LOCAL,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ty = args.return_field.data_type().clone();
        if matches!(ty, DataType::Interval(_)) {
            return super::rowwise::Rowwise::named("interval_trunc").invoke_with_args(args);
        }
        over_rows(&args, |units, times| {
            let times = times.as_primitive::<TimestampMicrosecondType>();
            let cut = |i: usize| -> Result<Option<i64>> {
                if times.is_null(i) || units.is_null(i) {
                    return Ok(None);
                }
                let (unit, micros) = (units.as_string_view().value(i), times.value(i));
                let zone = if is_zoned(&ty) { " with time zone" } else { " without time zone" };
                truncated(unit, micros, zone).map(Some)
            };
            let cut: PrimitiveArray<TimestampMicrosecondType> =
                (0..times.len()).map(cut).collect::<Result<Vec<_>>>()?.into_iter().collect();
            Ok(Arc::new(cut.with_data_type(ty.clone())))
        })
    }

    fn is_strict(&self) -> bool {
        true
    }
}

fn truncated(unit: &str, micros: i64, zone: &str) -> Result<i64> {
    let whole = |size: i64| micros - micros.rem_euclid(size);
    let unit = unit.to_lowercase();
    Ok(match unit.as_str() {
        "microsecond" | "microseconds" => micros,
        "millisecond" | "milliseconds" => whole(1_000),
        "second" | "seconds" => whole(SECOND),
        "minute" | "minutes" => whole(60 * SECOND),
        "hour" | "hours" => whole(3_600 * SECOND),
        "day" | "days" => whole(DAY),
        _ => {
            let day = clock(micros)?.date();
            let (year, month) = (day.year(), day.month0());
            let first = match unit.as_str() {
                "week" | "weeks" => Some(day - chrono::Days::new(day.weekday().num_days_from_monday().into())),
                "month" | "months" => day.with_day(1),
                "quarter" | "quarters" => NaiveDate::from_ymd_opt(year, month / 3 * 3 + 1, 1),
                "year" | "years" => NaiveDate::from_ymd_opt(year, 1, 1),
                "decade" | "decades" => NaiveDate::from_ymd_opt(year.div_euclid(10) * 10, 1, 1),
                "century" | "centuries" => NaiveDate::from_ymd_opt((year - 1).div_euclid(100) * 100 + 1, 1, 1),
                "millennium" | "millennia" => NaiveDate::from_ymd_opt((year - 1).div_euclid(1000) * 1000 + 1, 1, 1),
                _ => return Err(unknown_unit(&unit, &format!("timestamp{zone}"))),
            };
            first
                .and_then(|d| d.and_hms_opt(0, 0, 0))
                .map(|t| t.and_utc().timestamp_micros())
                .ok_or_else(out_of_range)?
        }
    })
}

/// `extract(field FROM time)`, a numeric, or `date_part('field', time)`, a double.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DatePart {
    /// Decided when the query is planned: the field must not be looked for in what the planner makes of it.
    result: DataType,
    signature: Signature,
}

impl DatePart {
    pub(crate) fn extract(field: &str) -> Self {
        let (precision, scale) = match field.to_lowercase().as_str() {
            "epoch" | "second" | "seconds" => (20, 6),
            "millisecond" | "milliseconds" => (20, 3),
            _ => (10, 0),
        };
        Self { result: DataType::Decimal128(precision, scale), ..Self::inexact() }
    }

    pub(crate) fn inexact() -> Self {
        Self { result: DataType::Float64, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for DatePart {
    fn name(&self) -> &str {
        if self.result.is_decimal() { "extract" } else { "date_part" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [_, time] = types else { return Err(no_such(self.name(), types)) };
        let time = match time {
            DataType::Timestamp(_, Some(_)) => zoned(),
            DataType::Timestamp(_, None) | DataType::Date32 | DataType::Null => LOCAL,
            DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
            DataType::Duration(_) => DataType::Duration(TimeUnit::Microsecond),
            _ => return Err(no_such(self.name(), types)),
        };
        Ok(vec![DataType::Utf8View, time])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ty = &self.result;
        over_rows(&args, |fields, times| {
            let part = |i: usize| -> Result<Option<i128>> {
                if times.is_null(i) || fields.is_null(i) {
                    return Ok(None);
                }
                let field = fields.as_string_view().value(i).to_lowercase();
                let part = match times.data_type() {
                    DataType::Interval(_) => {
                        of_interval(&field, times.as_primitive::<IntervalMonthDayNanoType>().value(i))
                    }
                    DataType::Duration(_) => {
                        let micros = times.as_primitive::<DurationMicrosecondType>().value(i);
                        let (days, rest) = (micros / DAY, micros % DAY);
                        let days = i32::try_from(days).map_err(|_| out_of_range())?;
                        of_interval(&field, IntervalMonthDayNano::new(0, days, rest * 1_000))
                    }
                    _ => of_time(&field, times.as_primitive::<TimestampMicrosecondType>().value(i))?,
                };
                let name = || crate::SqlType::of_arrow(times.data_type()).name();
                part.map(Some).ok_or_else(|| unknown_unit(&field, &name()))
            };
            // In millionths, so that both kinds of result come from the same number.
            let parts = (0..times.len()).map(part).collect::<Result<Vec<_>>>()?;
            if *ty == DataType::Float64 {
                return Ok(Arc::new(parts.into_iter().map(|p| p.map(|p| p as f64 / 1e6)).collect::<Float64Array>()));
            }
            let exact = parts.into_iter().collect::<Decimal128Array>().with_precision_and_scale(38, 6)?;
            cast_column(&(Arc::new(exact) as ArrayRef), ty)
        })
    }

    fn is_strict(&self) -> bool {
        true
    }
}

/// The part in millionths.
fn of_time(field: &str, micros: i64) -> Result<Option<i128>> {
    let (of_day, of_minute) = (micros.rem_euclid(DAY), micros.rem_euclid(60 * SECOND));
    let time = clock(micros)?;
    let year = time.year();
    // There is no year 0: 1 BC comes before 1 AD.
    let shown = if year > 0 { year } else { year - 1 };
    let of_years = |size: i32| if year > 0 { (year - 1).div_euclid(size) + 1 } else { -((-year).div_euclid(size) + 1) };
    let whole = match field {
        "epoch" => return Ok(Some(micros.into())),
        "second" | "seconds" => return Ok(Some(of_minute.into())),
        "millisecond" | "milliseconds" => return Ok(Some(i128::from(of_minute) * 1_000)),
        "microsecond" | "microseconds" => of_minute,
        "minute" | "minutes" => of_day / (60 * SECOND) % 60,
        "hour" | "hours" => of_day / (3_600 * SECOND),
        "day" | "days" => time.day().into(),
        "week" | "weeks" => time.iso_week().week().into(),
        "month" | "months" => time.month().into(),
        "quarter" | "quarters" => (time.month0() / 3 + 1).into(),
        "year" | "years" => shown.into(),
        "isoyear" => match time.iso_week().year() {
            year if year > 0 => year.into(),
            year => (year - 1).into(),
        },
        "decade" | "decades" => year.div_euclid(10).into(),
        "century" | "centuries" => of_years(100).into(),
        "millennium" | "millennia" => of_years(1_000).into(),
        "dow" => time.weekday().num_days_from_sunday().into(),
        "isodow" => time.weekday().number_from_monday().into(),
        "doy" => time.ordinal().into(),
        _ => return Ok(None),
    };
    Ok(Some(i128::from(whole) * i128::from(SECOND)))
}

/// The part in millionths; a year of an epoch has 365.25 days, what is left of it months of 30.
fn of_interval(field: &str, interval: IntervalMonthDayNano) -> Option<i128> {
    let micros = interval.nanoseconds / 1_000;
    let (years, months, days) = (i128::from(interval.months / 12), interval.months % 12, i128::from(interval.days));
    let whole = match field {
        "epoch" => {
            let days = days + i128::from(months) * 30;
            return Some((years * 31_557_600 + days * 86_400) * i128::from(SECOND) + i128::from(micros));
        }
        "second" | "seconds" => return Some((micros % (60 * SECOND)).into()),
        "millisecond" | "milliseconds" => return Some(i128::from(micros % (60 * SECOND)) * 1_000),
        "microsecond" | "microseconds" => (micros % (60 * SECOND)).into(),
        "minute" | "minutes" => (micros / (60 * SECOND) % 60).into(),
        "hour" | "hours" => (micros / (3_600 * SECOND)).into(),
        "day" | "days" => days,
        "month" | "months" => months.into(),
        "quarter" | "quarters" => (months / 3 + 1).into(),
        "year" | "years" => years,
        "decade" | "decades" => years / 10,
        "century" | "centuries" => years / 100,
        "millennium" | "millennia" => years / 1_000,
        _ => return None,
    };
    Some(whole * i128::from(SECOND))
}

fn clock(micros: i64) -> Result<NaiveDateTime> {
    Ok(DateTime::from_timestamp_micros(micros).ok_or_else(out_of_range)?.naive_utc())
}

fn out_of_range() -> datafusion::error::DataFusionError {
    coded("22008", "timestamp out of range")
}

fn unknown_unit(unit: &str, ty: &str) -> datafusion::error::DataFusionError {
    coded("22023", &format!("unit \"{unit}\" not recognized for type {ty}"))
}

fn no_such(name: &str, types: &[DataType]) -> datafusion::error::DataFusionError {
    let types: Vec<String> = types.iter().map(|t| crate::SqlType::of_arrow(t).name()).collect();
    external(
        SqlError::new("42883", format!("function {name}({}) does not exist", types.join(", ")))
            .hint("The second argument is a timestamp: cast it."),
    )
}

/// Calls `column` with the unit and the time of each row.
fn over_rows(
    args: &ScalarFunctionArgs,
    column: impl Fn(&ArrayRef, &ArrayRef) -> Result<ArrayRef>,
) -> Result<ColumnarValue> {
    let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
    let rows = if scalar { 1 } else { args.number_rows };
    let units = cast_column(&args.args[0].to_array(rows)?, &DataType::Utf8View)?;
    let result = column(&units, &args.args[1].to_array(rows)?)?;
    crate::functions::one_or_all(scalar, result)
}
