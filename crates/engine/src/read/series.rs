//! `generate_series` in FROM: of numbers by DataFusion, of times here.

use super::{Names, rows_source};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, IntervalMonthDayNano, Schema, TimeUnit};
use chrono::{DateTime, Months, TimeDelta};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};
use sluice_sql::{Result, SqlError, SqlType, Zone};
use std::sync::Arc;

const DAY: i64 = 86_400_000_000;
/// Times of one series at most: they are all made before the first is read.
const MOST: usize = 10_000_000;

impl Names<'_> {
    /// The rows of `generate_series(first, last[, step])`.
    pub(super) fn series(&self, args: &[Expr]) -> Result<Arc<dyn TableSource>> {
        let values = args.iter().map(|a| self.constant(a)).collect::<Result<Vec<_>>>()?;
        if let Some(numbers) = values.iter().map(whole_number).collect::<Option<Vec<_>>>() {
            return self.context.runner.number_series(&numbers);
        }
        let [first, last, step] = values.as_slice() else { return Err(unsupported()) };
        if values.iter().any(ScalarValue::is_null) {
            return Err(SqlError::new("22004", "generate_series: NULL in the place of a time"));
        }
        let step = match step.cast_to(&SqlType::Interval.arrow()) {
            Ok(ScalarValue::IntervalMonthDayNano(Some(step))) => step,
            _ => return Err(unsupported()),
        };
        let zoned = !matches!(first, ScalarValue::TimestampMicrosecond(_, None));
        let zone = if zoned { self.view.zone } else { Zone::Utc };
        let (first, last) = (instant(first, zone)?, instant(last, zone)?);
        let times = TimestampMicrosecondArray::from(times(first, last, step, zone)?);
        let times = if zoned { times.with_timezone(sluice_sql::UTC) } else { times };
        let ty = if zoned { SqlType::TimestampTz } else { SqlType::Timestamp };
        let schema = Schema::new(vec![ty.field("generate_series")]);
        let column: ArrayRef = Arc::new(times);
        rows_source(RecordBatch::try_new(Arc::new(schema), vec![column]).map_err(SqlError::internal)?)
    }

    /// The value of an expression over nothing. What a maintained view says must not read the clock.
    fn constant(&self, expr: &Expr) -> Result<ScalarValue> {
        let now = self.engine.and_then(|_| DateTime::from_timestamp_micros(self.view.now_micros));
        let plan = LogicalPlanBuilder::empty(true).project([expr.clone()])?.build()?;
        let plan = self.context.planner.analyze(plan, self.view.zone)?;
        if now.is_none() && sluice_sql::reads_clock(&plan)? {
            return Err(SqlError::unsupported(
                "generate_series up to the clock in a view",
                "Make the series longer than needed, and compare its times with now() in WHERE.",
            ));
        }
        let LogicalPlan::Projection(projection) = &plan else { return Err(unsupported()) };
        let [value] = projection.expr.as_slice() else { return Err(unsupported()) };
        let rows = RecordBatchOptions::new().with_row_count(Some(1));
        let rows =
            RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &rows).map_err(SqlError::internal)?;
        let physical = self.context.runner.expression(value.clone().unalias(), &DFSchema::empty(), now)?;
        let value = ScalarValue::try_from_array(&physical.evaluate(&rows)?.into_array(1)?, 0)?;
        // `now()` is finer than a time that is kept.
        Ok(match value.data_type() {
            DataType::Timestamp(_, zone) => value.cast_to(&DataType::Timestamp(TimeUnit::Microsecond, zone))?,
            _ => value,
        })
    }
}

fn unsupported() -> SqlError {
    SqlError::unsupported(
        "generate_series of anything but whole numbers and times",
        "Write generate_series(1, 100), or generate_series(timestamp '2024-01-01', timestamp '2024-02-01', interval '1 day').",
    )
}

fn whole_number(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int64(Some(n)) => Some(*n),
        ScalarValue::Int32(Some(n)) => Some(i64::from(*n)),
        ScalarValue::Int16(Some(n)) => Some(i64::from(*n)),
        _ => None,
    }
}

/// Microseconds since 1970; a date or a plain timestamp begins by the zone's clocks.
fn instant(value: &ScalarValue, zone: Zone) -> Result<i64> {
    let local = |micros: i64| zone.instant(micros).ok_or_else(out_of_range);
    match value {
        ScalarValue::TimestampMicrosecond(Some(micros), Some(_)) => Ok(*micros),
        ScalarValue::TimestampMicrosecond(Some(micros), None) => local(*micros),
        ScalarValue::Date32(Some(days)) => local(i64::from(*days) * DAY),
        _ => Err(unsupported()),
    }
}

fn out_of_range() -> SqlError {
    SqlError::new("22008", "timestamp out of range")
}

/// Each time is the one before and a step.
fn times(first: i64, last: i64, step: IntervalMonthDayNano, zone: Zone) -> Result<Vec<i64>> {
    let forward = direction(step);
    if forward == 0 {
        return Err(SqlError::new("22023", "step size cannot equal zero"));
    }
    let (mut at, mut times) = (first, vec![]);
    while if forward > 0 { at <= last } else { at >= last } {
        if times.len() == MOST {
            return Err(SqlError::new("54000", format!("generate_series makes at most {MOST} times"))
                .hint("Take a longer step, or count with numbers and add them to a time."));
        }
        times.push(at);
        let next = moved(at, step, zone)?;
        if (next > at) != (forward > 0) {
            break;
        }
        at = next;
    }
    Ok(times)
}

/// The sign of an interval, with 30 days to the month as PostgreSQL compares them.
fn direction(step: IntervalMonthDayNano) -> i128 {
    let days = i128::from(step.months) * 30 + i128::from(step.days);
    (days * i128::from(DAY) * 1_000 + i128::from(step.nanoseconds)).signum()
}

/// Months and days go by the zone's calendar, the rest by the clock.
fn moved(micros: i64, step: IntervalMonthDayNano, zone: Zone) -> Result<i64> {
    let by_calendar = || {
        let local = DateTime::from_timestamp_micros(zone.local(micros)?)?.naive_utc();
        let months = Months::new(step.months.unsigned_abs());
        let local = if step.months < 0 { local.checked_sub_months(months) } else { local.checked_add_months(months) }?;
        let local = local.checked_add_signed(TimeDelta::days(i64::from(step.days)))?;
        zone.instant(local.and_utc().timestamp_micros())
    };
    let moved = if step.months == 0 && step.days == 0 { Some(micros) } else { by_calendar() };
    moved.and_then(|micros| micros.checked_add(step.nanoseconds / 1_000)).ok_or_else(out_of_range)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        text.parse::<chrono::NaiveDateTime>().unwrap().and_utc().timestamp_micros()
    }

    #[test]
    fn months_end_where_they_end() {
        let month = IntervalMonthDayNano::new(1, 0, 0);
        let all = times(micros("2024-01-31T00:00:00"), micros("2024-04-30T00:00:00"), month, Zone::Utc).unwrap();
        let expected = ["2024-01-31T00:00:00", "2024-02-29T00:00:00", "2024-03-29T00:00:00", "2024-04-29T00:00:00"];
        assert_eq!(all, expected.map(micros));
    }

    #[test]
    fn days_follow_the_clocks_of_a_zone() {
        let zone = Zone::parse("Europe/Berlin").unwrap();
        let first = zone.instant(micros("2024-03-30T12:00:00")).unwrap();
        let all = times(first, first + 2 * DAY, IntervalMonthDayNano::new(0, 1, 0), zone).unwrap();
        assert_eq!(
            all.iter().map(|t| t - first).collect::<Vec<_>>(),
            [0, DAY - 3_600_000_000, 2 * DAY - 3_600_000_000]
        );
    }

    #[test]
    fn steps_that_go_nowhere() {
        assert_eq!(times(0, 1, IntervalMonthDayNano::new(0, 0, 0), Zone::Utc).unwrap_err().code, "22023");
        assert_eq!(times(0, 1, IntervalMonthDayNano::new(1, -30, 0), Zone::Utc).unwrap_err().code, "22023");
        assert!(times(0, 1, IntervalMonthDayNano::new(0, -1, 0), Zone::Utc).unwrap().is_empty());
        assert_eq!(
            times(0, i64::MAX, IntervalMonthDayNano::new(0, 0, 1_000_000), Zone::Utc).unwrap_err().code,
            "54000"
        );
        // Below what a timestamp holds nothing moves.
        assert_eq!(times(0, 5, IntervalMonthDayNano::new(0, 0, 1), Zone::Utc).unwrap(), [0]);
    }
}
