//! PostgreSQL's meaning where DataFusion's differs. The same functions serve ad hoc queries, `verify`, recomputation
//! and circuits.

pub(crate) mod aggregate;
pub(crate) mod any_of;
pub(crate) mod arithmetic;
pub(crate) mod array_text;
pub(crate) mod cast;
pub(crate) mod checked_math;
pub(crate) mod coalesce;
mod compared;
pub(crate) mod date_parts;
pub(crate) mod decimal;
pub(crate) mod failing;
pub(crate) mod float_key;
pub(crate) mod format;
pub(crate) mod interval;
mod interval_extreme;
mod interval_key;
pub(crate) mod interval_order;
pub(crate) mod interval_text;
pub(crate) mod json;
pub(crate) mod like;
pub(crate) mod normalize;
pub(crate) mod ordered_set;
pub(crate) mod pad;
pub(crate) mod pg_typeof;
pub(crate) mod random_uuid;
pub(crate) mod rewrite;
pub(crate) mod round;
pub(crate) mod rowwise;
pub(crate) mod self_sorting;
pub(crate) mod series;
pub(crate) mod session_zone;
pub(crate) mod sign;
pub(crate) mod single_value;
pub(crate) mod strict_types;
pub(crate) mod text_form;
mod time_difference;
pub(crate) mod uuid;
pub(crate) mod whole;
pub(crate) mod zoned;

use arrow::array::ArrayRef;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;

/// What a function gives: one value where all its arguments were values, else a column.
fn one_or_all(scalar: bool, column: ArrayRef) -> datafusion::error::Result<ColumnarValue> {
    Ok(if scalar {
        ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?)
    } else {
        ColumnarValue::Array(column)
    })
}
