//! Bounds of columns. Too narrow ones give wrong answers in DuckDB, so the rules are strict:
//!
//! * bounds are compared as values, and only ever widened;
//! * a row with NULL bounds means "no value so far"; "unknown" is a missing row, and stays missing;
//! * NaN is above every number. In the table's bounds it counts as a value (text `nan`); a file's bounds
//!   leave it out and say `contains_nan`;
//! * texts are cut at 256 bytes, an upper bound is then incremented; a bound with a NUL byte is unknown;
//! * blobs are always unknown, since DuckDB writes their bounds in two forms that can't be told apart.

use crate::text;
use crate::types::{ColumnInfo, LakeType};
use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

const TEXT_BYTES_MAX: usize = 256;

/// A bound of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bound {
    Boolean(bool),
    Integer(i64),
    Float32(f32),
    Float64(f64),
    Decimal(i128, i8),
    Date(i32),
    Timestamp(i64),
    TimestampTz(i64),
    Text(String),
}

impl Bound {
    /// The text in the table's statistics.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Boolean(b) => b.to_string(),
            Self::Integer(i) => i.to_string(),
            Self::Float32(f) => text::float(*f),
            Self::Float64(f) => text::float(*f),
            Self::Decimal(d, scale) => text::decimal(*d, *scale),
            Self::Date(d) => text::date(*d),
            Self::Timestamp(m) => text::timestamp(*m),
            Self::TimestampTz(m) => text::timestamptz(*m),
            Self::Text(s) => s.clone(),
        }
    }

    /// The text in a file's statistics, which differs for booleans.
    pub(crate) fn file_text(&self) -> String {
        match self {
            Self::Boolean(b) => u8::from(*b).to_string(),
            _ => self.text(),
        }
    }

    /// Reads either text form.
    fn parse(text: &str, ty: &LakeType) -> Option<Self> {
        Some(match ty {
            LakeType::Boolean => match text {
                "0" | "false" => Self::Boolean(false),
                "1" | "true" => Self::Boolean(true),
                _ => return None,
            },
            LakeType::Int16 | LakeType::Int32 | LakeType::Int64 => Self::Integer(text.parse().ok()?),
            LakeType::Float32 => Self::Float32(text.parse().ok()?),
            LakeType::Float64 => Self::Float64(text.parse().ok()?),
            LakeType::Decimal { scale, .. } => Self::Decimal(text::parse_decimal(text, *scale)?, *scale),
            LakeType::Date => Self::Date(text::parse_date(text)?),
            LakeType::Timestamp => Self::Timestamp(text::parse_timestamp(text)?),
            LakeType::TimestampTz => Self::TimestampTz(text::parse_timestamp(text)?),
            LakeType::Varchar | LakeType::Json | LakeType::Uuid => Self::Text(text.to_string()),
            LakeType::Blob | LakeType::Other(_) => return None,
        })
    }

    /// Only bounds of one column are compared.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Float32(a), Self::Float32(b)) => float_order(f64::from(*a), f64::from(*b)),
            (Self::Float64(a), Self::Float64(b)) => float_order(*a, *b),
            (Self::Decimal(a, _), Self::Decimal(b, _)) => a.cmp(b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Timestamp(a), Self::Timestamp(b)) | (Self::TimestampTz(a), Self::TimestampTz(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

fn float_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// What the values of one column are like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Observed {
    pub(crate) values: u64,
    pub(crate) nulls: u64,
    pub(crate) nans: u64,
    /// Of the values that are not NaN.
    pub(crate) bounds: Option<(Bound, Bound)>,
    /// There are values that `bounds` does not cover.
    pub(crate) unknown: bool,
}

impl Observed {
    pub(crate) fn of(column: &ColumnInfo, array: &ArrayRef) -> Self {
        let nulls = array.logical_null_count() as u64;
        let mut seen = Self { values: array.len() as u64 - nulls, nulls, ..Self::default() };
        if seen.values == 0 {
            return seen;
        }
        let bounds = match &column.ty {
            LakeType::Int16 => extremes::<Int16Type>(array).map(|b| pair(b, |v| Bound::Integer(v.into()))),
            LakeType::Int32 => extremes::<Int32Type>(array).map(|b| pair(b, |v| Bound::Integer(v.into()))),
            LakeType::Int64 => extremes::<Int64Type>(array).map(|b| pair(b, Bound::Integer)),
            LakeType::Date => extremes::<Date32Type>(array).map(|b| pair(b, Bound::Date)),
            LakeType::Timestamp => extremes::<TimestampMicrosecondType>(array).map(|b| pair(b, Bound::Timestamp)),
            LakeType::TimestampTz => extremes::<TimestampMicrosecondType>(array).map(|b| pair(b, Bound::TimestampTz)),
            LakeType::Decimal { scale, .. } => {
                extremes::<Decimal128Type>(array).map(|b| pair(b, |v| Bound::Decimal(v, *scale)))
            }
            LakeType::Float32 => seen.floats::<Float32Type>(array).map(|b| pair(b, Bound::Float32)),
            LakeType::Float64 => seen.floats::<Float64Type>(array).map(|b| pair(b, Bound::Float64)),
            LakeType::Boolean => {
                let array = array.as_boolean();
                compute::min_boolean(array).zip(compute::max_boolean(array)).map(|b| pair(b, Bound::Boolean))
            }
            LakeType::Varchar | LakeType::Json | LakeType::Uuid => text_bounds(array),
            LakeType::Blob | LakeType::Other(_) => None,
        };
        seen.unknown = bounds.is_none() && seen.nans < seen.values;
        seen.bounds = bounds;
        seen
    }

    fn floats<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef) -> Option<(T::Native, T::Native)>
    where
        T::Native: Into<f64> + Copy,
    {
        let mut bounds: Option<(T::Native, T::Native)> = None;
        for value in array.as_primitive::<T>().iter().flatten() {
            let wide: f64 = value.into();
            if wide.is_nan() {
                self.nans += 1;
                continue;
            }
            bounds = Some(match bounds {
                None => (value, value),
                Some((low, high)) => {
                    (if wide < low.into() { value } else { low }, if wide > high.into() { value } else { high })
                }
            });
        }
        bounds
    }

    /// Both together.
    pub(crate) fn merge(&mut self, other: Self) {
        self.values += other.values;
        self.nulls += other.nulls;
        self.nans += other.nans;
        self.unknown |= other.unknown;
        self.bounds = union(self.bounds.take(), other.bounds);
    }
}

fn pair<T, B>((low, high): (T, T), bound: impl Fn(T) -> B) -> (B, B) {
    (bound(low), bound(high))
}

fn extremes<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<(T::Native, T::Native)>
where
    T::Native: PartialOrd,
{
    let array: &PrimitiveArray<T> = array.as_primitive::<T>();
    compute::min(array).zip(compute::max(array))
}

fn text_bounds(array: &ArrayRef) -> Option<(Bound, Bound)> {
    let array = array.as_string_view();
    let low = compute::min_string_view(array)?;
    let high = compute::max_string_view(array)?;
    let (low, high) = (prefix(low).to_string(), upper(high)?);
    (!low.contains('\0') && !high.contains('\0')).then(|| pair((low, high), Bound::Text))
}

fn prefix(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

/// The text itself, or a short one that is above it.
fn upper(text: &str) -> Option<String> {
    let cut = prefix(text);
    if cut.len() == text.len() {
        return Some(text.to_string());
    }
    let mut chars: Vec<char> = cut.chars().collect();
    while let Some(last) = chars.pop() {
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn union(a: Option<(Bound, Bound)>, b: Option<(Bound, Bound)>) -> Option<(Bound, Bound)> {
    let (Some(a), Some(b)) = (&a, &b) else { return a.or(b) };
    let low = if b.0.order(&a.0).is_lt() { &b.0 } else { &a.0 };
    let high = if b.1.order(&a.1).is_gt() { &b.1 } else { &a.1 };
    Some((low.clone(), high.clone()))
}

/// A row of `ducklake_table_column_stats`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnStats {
    pub(crate) contains_null: bool,
    pub(crate) contains_nan: Option<bool>,
    /// As texts, since NaN would not equal itself.
    pub(crate) bounds: Option<(String, String)>,
}

impl ColumnStats {
    /// `None` means that the values are not covered: the row must go.
    pub(crate) fn widened(&self, ty: &LakeType, seen: &Observed) -> Option<Self> {
        if seen.unknown {
            return None;
        }
        let old = match &self.bounds {
            Some((low, high)) => Some((Bound::parse(low, ty)?, Bound::parse(high, ty)?)),
            None => None,
        };
        let mut new = union(old.clone(), seen.bounds.clone());
        if seen.nans > 0 {
            new = union(new, nan(ty).map(|n| (n.clone(), n)));
        }
        // Texts that did not change stay as they are, whichever form they have.
        let text = |new: &Bound, old: Option<(&Bound, &String)>| match old {
            Some((bound, text)) if bound.order(new).is_eq() => text.clone(),
            _ => new.text(),
        };
        let texts = self.bounds.as_ref().zip(old.as_ref());
        Some(Self {
            contains_null: self.contains_null || seen.nulls > 0,
            contains_nan: if seen.nans > 0 { Some(true) } else { self.contains_nan },
            bounds: new.map(|(low, high)| {
                (text(&low, texts.map(|(t, o)| (&o.0, &t.0))), text(&high, texts.map(|(t, o)| (&o.1, &t.1))))
            }),
        })
    }

    fn empty(ty: &LakeType) -> Option<Self> {
        let contains_nan = matches!(ty, LakeType::Float32 | LakeType::Float64).then_some(false);
        let known = !matches!(ty, LakeType::Blob | LakeType::Other(_));
        known.then_some(Self { contains_null: false, contains_nan, bounds: None })
    }
}

fn nan(ty: &LakeType) -> Option<Bound> {
    match ty {
        LakeType::Float32 => Some(Bound::Float32(f32::NAN)),
        LakeType::Float64 => Some(Bound::Float64(f64::NAN)),
        _ => None,
    }
}

/// The rows of `ducklake_table_stats` and `ducklake_table_column_stats` of one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TableStats {
    /// The catalog has a row, which it gets with the first insert.
    pub(crate) exists: bool,
    /// Of all rows ever written.
    pub(crate) record_count: i64,
    pub(crate) file_size_bytes: i64,
    /// By column id; a missing one is unknown.
    pub(crate) columns: BTreeMap<i64, ColumnStats>,
    /// Columns whose row says too little to be widened: it goes with the next insert.
    pub(crate) unreadable: BTreeSet<i64>,
}

impl TableStats {
    /// Takes in what was inserted, one entry a column.
    pub(crate) fn widen(&mut self, columns: &[ColumnInfo], seen: &[Observed]) {
        for (column, seen) in columns.iter().zip(seen) {
            let old = if self.exists { self.columns.remove(&column.id) } else { ColumnStats::empty(&column.ty) };
            if let Some(new) = old.and_then(|old| old.widened(&column.ty, seen)) {
                self.columns.insert(column.id, new);
            }
        }
        self.exists = true;
        self.unreadable.clear();
    }
}

/// What the rows of one batch are like, one entry a column.
pub(crate) fn observe(columns: &[ColumnInfo], arrays: &[ArrayRef]) -> Vec<Observed> {
    columns.iter().zip(arrays).map(|(column, array)| Observed::of(column, array)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use arrow::array::{Float64Array, Int32Array, StringViewArray};
    use std::sync::Arc;

    fn stats(ty: LakeType, arrays: &[ArrayRef]) -> Option<ColumnStats> {
        let column = ColumnInfo::new(1, "c", ty);
        let mut stats = TableStats::default();
        for array in arrays {
            stats.widen(std::slice::from_ref(&column), &[Observed::of(&column, array)]);
        }
        stats.columns.remove(&1)
    }

    fn bounds(stats: Option<ColumnStats>) -> Option<(String, String)> {
        stats.unwrap().bounds
    }

    fn texts(low: &str, high: &str) -> Option<(String, String)> {
        Some((low.to_string(), high.to_string()))
    }

    #[test]
    fn lake_stats_compare_values_not_texts() {
        let arrays: [ArrayRef; 3] = [
            Arc::new(Int32Array::from(vec![None, None])),
            Arc::new(Int32Array::from(vec![Some(10)])),
            Arc::new(Int32Array::from(vec![9])),
        ];
        assert_eq!(stats(LakeType::Int32, &arrays[..1]).unwrap().bounds, None);
        let all = stats(LakeType::Int32, &arrays);
        assert!(all.as_ref().unwrap().contains_null);
        assert_eq!(bounds(all), texts("9", "10"));
    }

    #[test]
    fn lake_stats_put_nan_on_top() {
        let arrays: [ArrayRef; 2] =
            [Arc::new(Float64Array::from(vec![f64::NAN, -1.0])), Arc::new(Float64Array::from(vec![7.5]))];
        let all = stats(LakeType::Float64, &arrays);
        assert_eq!(all.as_ref().unwrap().contains_nan, Some(true));
        assert_eq!(bounds(all), texts("-1.0", "nan"));
    }

    #[test]
    fn lake_stats_of_long_and_odd_texts() {
        let long: ArrayRef = Arc::new(StringViewArray::from(vec!["z".repeat(300), "a".repeat(300)]));
        let expected = (Some("a".repeat(256)), Some("z".repeat(255) + "{"));
        let found = bounds(stats(LakeType::Varchar, &[Arc::clone(&long)])).unwrap();
        assert_eq!((Some(found.0), Some(found.1)), expected);
        let nul: ArrayRef = Arc::new(StringViewArray::from(vec!["q\0"]));
        assert_eq!(stats(LakeType::Varchar, &[long, nul]), None);
        assert_eq!(upper(&"\u{10ffff}".repeat(100)), None);
    }
}
