use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use arrow::array::{Float64Array, IntervalMonthDayNanoArray};
use arrow::datatypes::{IntervalMonthDayNano, Schema};
use sluice_sql::{Result, SqlType, UTC};
use std::sync::Arc;

/// Columns of a table made row by row.
#[derive(Default)]
pub(super) struct Columns {
    fields: Vec<arrow::datatypes::Field>,
    columns: Vec<ArrayRef>,
}

impl Columns {
    fn add(mut self, name: &str, ty: SqlType, column: ArrayRef) -> Self {
        self.fields.push(ty.field(name));
        self.columns.push(column);
        self
    }

    pub(super) fn text<T: Into<String>>(self, name: &str, values: impl IntoIterator<Item = Option<T>>) -> Self {
        let column: StringViewArray =
            values.into_iter().map(|v| v.map(Into::into)).collect::<Vec<Option<String>>>().into_iter().collect();
        self.add(name, SqlType::Text, Arc::new(column))
    }

    pub(super) fn bigint(self, name: &str, values: impl IntoIterator<Item = Option<i64>>) -> Self {
        self.add(name, SqlType::Int8, Arc::new(values.into_iter().collect::<Int64Array>()))
    }

    pub(super) fn int(self, name: &str, values: impl IntoIterator<Item = Option<i32>>) -> Self {
        self.add(name, SqlType::Int4, Arc::new(values.into_iter().collect::<Int32Array>()))
    }

    pub(super) fn float(self, name: &str, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        self.add(name, SqlType::Float8, Arc::new(values.into_iter().collect::<Float64Array>()))
    }

    pub(super) fn bool(self, name: &str, values: impl IntoIterator<Item = Option<bool>>) -> Self {
        self.add(name, SqlType::Bool, Arc::new(values.into_iter().collect::<BooleanArray>()))
    }

    pub(super) fn time(self, name: &str, micros: impl IntoIterator<Item = Option<i64>>) -> Self {
        let column = micros.into_iter().collect::<TimestampMicrosecondArray>().with_timezone(UTC);
        self.add(name, SqlType::TimestampTz, Arc::new(column))
    }

    pub(super) fn interval(self, name: &str, micros: impl IntoIterator<Item = Option<i64>>) -> Self {
        let interval = |m: i64| IntervalMonthDayNano::new(0, 0, m.saturating_mul(1_000));
        let column: IntervalMonthDayNanoArray = micros.into_iter().map(|m| m.map(interval)).collect();
        self.add(name, SqlType::Interval, Arc::new(column))
    }

    pub(super) fn build(self) -> Result<RecordBatch> {
        let rows = self.columns.first().map_or(0, |c| c.len());
        Ok(sluice_zset::with_row_count(Arc::new(Schema::new(self.fields)), self.columns, rows)?)
    }
}
