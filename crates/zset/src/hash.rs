use crate::{Result, ZError};
use arrow::array::{ArrayRef, AsArray, Float32Array, Float64Array};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::common::hash_utils::{RandomState, create_hashes};
use std::sync::Arc;

/// One 64-bit hash a row over `columns`; equal rows have equal hashes, the reverse is for the caller to check.
/// Hashes live only in memory: nothing that is stored depends on them.
pub fn hash_rows(columns: &[ArrayRef], rows: usize) -> Result<Vec<u64>> {
    let mut hashes = vec![0; rows];
    create_hashes(columns, &RandomState::default(), &mut hashes).map_err(|e| ZError::Hash(e.to_string()))?;
    // The combined hashes of several columns are weak in their top bits, which choose the segment.
    for h in &mut hashes {
        *h = h.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (*h >> 29);
    }
    Ok(hashes)
}

/// PostgreSQL's equality of floats in keys: -0.0 equals 0.0 and all NaNs are equal. Other types are as they are.
pub fn normalize_key(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float64 => {
            let a: Float64Array = column.as_primitive::<Float64Type>().unary(normal_f64);
            Arc::new(a)
        }
        DataType::Float32 => {
            let a: Float32Array =
                column.as_primitive::<Float32Type>().unary(|v| if v.is_nan() { f32::NAN } else { v + 0.0 });
            Arc::new(a)
        }
        _ => ArrayRef::clone(column),
    }
}

fn normal_f64(v: f64) -> f64 {
    // Adding positive zero turns -0.0 into 0.0 and leaves every other number alone.
    if v.is_nan() { f64::NAN } else { v + 0.0 }
}
