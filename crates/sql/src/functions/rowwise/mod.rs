//! Functions that are computed value by value, as a table of what each takes, gives and does.

mod json;
mod numbers;
mod patterns;
mod text;
mod times;

use super::arithmetic::coded;
use super::cast::cast_column;
use super::zoned::{LOCAL, zoned};
use crate::SqlError;
use crate::error::external;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, ListBuilder,
    PrimitiveArray, StringViewArray, StringViewBuilder,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float64Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit, TimestampMicrosecondType,
};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One value. Dates are days, timestamps microseconds.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Decimal(i128, i8),
    Text(String),
    Bytes(Vec<u8>),
    Interval(IntervalMonthDayNano),
    Texts(Vec<Option<String>>),
}

/// The type of an argument or a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ty {
    Text,
    /// Of any type, as text.
    Any,
    Bool,
    Int4,
    Int8,
    Float,
    /// With the scale that comes in.
    Numeric,
    /// A numeric without decimals.
    Whole,
    Bytes,
    Date,
    Timestamp,
    TimestampTz,
    /// A timestamp, or the local time of a timestamptz.
    Local,
    Interval,
    Texts,
}

impl Ty {
    fn arrow(self, given: &DataType) -> DataType {
        match self {
            Self::Text | Self::Any => DataType::Utf8View,
            Self::Bool => DataType::Boolean,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Numeric => match given {
                DataType::Decimal128(..) => given.clone(),
                integer if integer.is_integer() => DataType::Decimal128(20, 0),
                _ => DataType::Decimal128(38, 10),
            },
            Self::Whole => DataType::Decimal128(38, 0),
            Self::Bytes => DataType::BinaryView,
            Self::Date => DataType::Date32,
            Self::Timestamp | Self::Local => LOCAL,
            Self::TimestampTz => zoned(),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8View, true))),
        }
    }

    fn result(self) -> DataType {
        match self {
            Self::Numeric => DataType::Decimal128(38, 10),
            other => other.arrow(&DataType::Null),
        }
    }

    /// What it costs to take a value of the type for this one; `None` where it does not become one by itself.
    fn cost(self, given: &DataType) -> Option<u32> {
        use DataType as T;
        Some(match (self, given) {
            (_, T::Null) => 0,
            (Self::Any, _) | (Self::Text, T::Utf8 | T::Utf8View | T::LargeUtf8) => 0,
            // A literal in quotes.
            (Self::Texts, T::Utf8) => return None,
            (_, T::Utf8) => 5,
            (Self::Bool, T::Boolean) | (Self::Date, T::Date32) => 0,
            (Self::Int4, T::Int8 | T::Int16 | T::Int32) => 0,
            // Literals are bigint until the query is typed.
            (Self::Int4, T::Int64) => 2,
            (Self::Int8, t) if t.is_integer() => 1,
            (Self::Numeric, T::Decimal128(..)) | (Self::Float, T::Float64) => 0,
            (Self::Float, T::Float32) => 1,
            (Self::Numeric, t) if t.is_integer() => 2,
            (Self::Float, t) if t.is_numeric() => 3,
            (Self::Bytes, T::Binary | T::BinaryView | T::LargeBinary) => 0,
            (Self::Timestamp, T::Timestamp(_, None)) | (Self::TimestampTz, T::Timestamp(_, Some(_))) => 0,
            (Self::Timestamp, T::Date32) => 2,
            (Self::Local, T::Timestamp(..) | T::Date32) => 0,
            (Self::TimestampTz, T::Date32 | T::Timestamp(..)) => 1,
            (Self::Interval, T::Interval(_) | T::Duration(_)) => 0,
            (Self::Texts, T::List(of)) if matches!(of.data_type(), T::Utf8 | T::Utf8View | T::Null) => 0,
            _ => return None,
        })
    }
}

struct Spec {
    name: &'static str,
    takes: &'static [Ty],
    /// How many of them may be left out, from the last.
    optional: usize,
    /// Whether the last one may be repeated.
    repeats: bool,
    /// Whether it sees NULLs; else it gives NULL for them.
    nulls: bool,
    gives: Ty,
    run: fn(&[Cell]) -> crate::Result<Cell>,
}

const fn spec(name: &'static str, takes: &'static [Ty], gives: Ty, run: fn(&[Cell]) -> crate::Result<Cell>) -> Spec {
    Spec { name, takes, optional: 0, repeats: false, nulls: false, gives, run }
}

impl Spec {
    const fn optional(mut self, optional: usize) -> Self {
        self.optional = optional;
        self
    }

    const fn nulls(mut self) -> Self {
        self.nulls = true;
        self
    }

    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    fn take(&self, at: usize) -> Option<Ty> {
        let last = if self.repeats { self.takes.last() } else { None };
        self.takes.get(at).or(last).copied()
    }

    fn cost(&self, types: &[DataType]) -> Option<u32> {
        let least = self.takes.len() - self.optional;
        if types.len() < least || (types.len() > self.takes.len() && !self.repeats) {
            return None;
        }
        types.iter().enumerate().map(|(at, ty)| self.take(at)?.cost(ty)).sum()
    }
}

/// All functions of one name.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rowwise {
    name: &'static str,
    signature: Signature,
}

fn specs() -> impl Iterator<Item = &'static Spec> {
    text::SPECS.iter().chain(json::SPECS).chain(patterns::SPECS).chain(numbers::SPECS).chain(times::SPECS)
}

impl Rowwise {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let names: BTreeMap<&'static str, ()> = specs().map(|spec| (spec.name, ())).collect();
        names.into_keys().map(Self::named)
    }

    /// One of the table.
    pub(super) fn named(name: &'static str) -> Self {
        Self { name, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn spec(&self, types: &[DataType]) -> Result<&'static Spec> {
        let fitting = specs().filter(|s| s.name == self.name).filter_map(|s| Some((s.cost(types)?, s)));
        fitting.min_by_key(|(cost, _)| *cost).map(|(_, spec)| spec).ok_or_else(|| {
            let types: Vec<String> = types.iter().map(|t| crate::SqlType::of_arrow(t).name()).collect();
            let message = format!("function {}({}) does not exist", self.name, types.join(", "));
            external(SqlError::new("42883", message).hint("You might need to add explicit type casts."))
        })
    }
}

impl ScalarUDFImpl for Rowwise {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let spec = self.spec(types)?;
        let coerced = types.iter().enumerate().map(|(at, given)| match spec.take(at) {
            // Their text is made here, where booleans are `t` and `f`.
            Some(Ty::Any) | None => given.clone(),
            Some(ty) => ty.arrow(given),
        });
        Ok(coerced.collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let spec = self.spec(types)?;
        Ok(spec.gives.result())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let types: Vec<DataType> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        let spec = self.spec(&types)?;
        let columns = args.args.iter().enumerate().map(|(at, arg)| {
            let (given, ty) = (arg.to_array(rows)?, spec.take(at).unwrap_or(Ty::Any));
            if ty == Ty::Any { shown(&given) } else { cast_column(&given, &ty.arrow(given.data_type())) }
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let mut results = Vec::with_capacity(rows);
        for row in 0..rows {
            let cells: Vec<Cell> = columns.iter().map(|column| cell(column, row)).collect();
            let is_null = !spec.nulls && cells.contains(&Cell::Null);
            results.push(if is_null { Cell::Null } else { (spec.run)(&cells).map_err(external)? });
        }
        let result = column(results, args.return_field.data_type())?;
        crate::functions::one_or_all(scalar, result)
    }
}

/// Text as a statement's output has it.
fn shown(column: &ArrayRef) -> Result<ArrayRef> {
    match column.as_boolean_opt() {
        Some(truths) => {
            let text = truths.iter().map(|b| b.map(|b| if b { "t" } else { "f" }));
            Ok(Arc::new(text.collect::<StringViewArray>()))
        }
        None => cast_column(column, &DataType::Utf8View),
    }
}

fn cell(column: &ArrayRef, row: usize) -> Cell {
    if column.is_null(row) {
        return Cell::Null;
    }
    match column.data_type() {
        DataType::Boolean => Cell::Bool(column.as_boolean().value(row)),
        DataType::Int32 => Cell::Int(column.as_primitive::<arrow::datatypes::Int32Type>().value(row).into()),
        DataType::Int64 => Cell::Int(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Cell::Float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => Cell::Decimal(column.as_primitive::<Decimal128Type>().value(row), *scale),
        DataType::Utf8View => Cell::Text(column.as_string_view().value(row).to_string()),
        DataType::BinaryView => Cell::Bytes(column.as_binary_view().value(row).to_vec()),
        DataType::Date32 => Cell::Int(column.as_primitive::<Date32Type>().value(row).into()),
        DataType::Timestamp(..) => Cell::Int(column.as_primitive::<TimestampMicrosecondType>().value(row)),
        DataType::Interval(_) => Cell::Interval(column.as_primitive::<IntervalMonthDayNanoType>().value(row)),
        DataType::List(_) => {
            let list = column.as_list::<i32>().value(row);
            let texts = list.as_string_view_opt().map(|t| t.iter().map(|v| v.map(str::to_string)).collect());
            Cell::Texts(texts.unwrap_or_else(|| vec![None; list.len()]))
        }
        _ => Cell::Null,
    }
}

fn column(cells: Vec<Cell>, ty: &DataType) -> Result<ArrayRef> {
    macro_rules! of {
        ($kind:ident) => {
            cells.into_iter().map(|c| if let Cell::$kind(v) = c { Some(v) } else { None })
        };
    }
    let array: ArrayRef = match ty {
        DataType::Boolean => Arc::new(of!(Bool).collect::<BooleanArray>()),
        DataType::Int32 => {
            let out = || coded("22003", "integer out of range");
            let values = of!(Int).map(|v| v.map(|v| i32::try_from(v).map_err(|_| out())).transpose());
            Arc::new(values.collect::<Result<Int32Array>>()?)
        }
        DataType::Int64 => Arc::new(of!(Int).collect::<Int64Array>()),
        DataType::Float64 => Arc::new(of!(Float).collect::<Float64Array>()),
        DataType::Decimal128(precision, scale) => {
            let values = cells.into_iter().map(|c| if let Cell::Decimal(v, s) = c { Some((v, s)) } else { None });
            let out = || coded("22003", "numeric field overflow");
            let fitted = values.map(|v| {
                let fits = |(v, s): (i128, i8)| {
                    let v =
                        super::decimal::rescale(arrow::datatypes::i256::from_i128(v), i32::from(*scale) - i32::from(s));
                    v.and_then(|v| super::decimal::fit(v, *precision)).ok_or_else(out)
                };
                v.map(fits).transpose()
            });
            let values: PrimitiveArray<Decimal128Type> = fitted.collect::<Result<Vec<_>>>()?.into_iter().collect();
            Arc::new(values.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::BinaryView => {
            let bytes: BinaryArray = of!(Bytes).collect();
            return cast_column(&(Arc::new(bytes) as ArrayRef), ty);
        }
        DataType::Date32 => {
            let days = of!(Int).map(|v| v.map(|v| v as i32));
            Arc::new(days.collect::<PrimitiveArray<Date32Type>>())
        }
        DataType::Timestamp(_, _) => {
            Arc::new(of!(Int).collect::<PrimitiveArray<TimestampMicrosecondType>>().with_data_type(ty.clone()))
        }
        DataType::Interval(_) => Arc::new(of!(Interval).collect::<PrimitiveArray<IntervalMonthDayNanoType>>()),
        DataType::List(_) => {
            let mut lists = ListBuilder::new(StringViewBuilder::new());
            of!(Texts).for_each(|list| lists.append_option(list));
            Arc::new(lists.finish())
        }
        _ => Arc::new(of!(Text).collect::<StringViewArray>()),
    };
    Ok(array)
}

fn text(cells: &[Cell], at: usize) -> &str {
    if let Some(Cell::Text(text)) = cells.get(at) { text } else { "" }
}

fn int(cells: &[Cell], at: usize) -> i64 {
    if let Some(Cell::Int(v)) = cells.get(at) { *v } else { 0 }
}

fn float(cells: &[Cell], at: usize) -> f64 {
    if let Some(Cell::Float(v)) = cells.get(at) { *v } else { 0.0 }
}

fn decimal(cells: &[Cell], at: usize) -> (i128, i8) {
    if let Some(Cell::Decimal(v, s)) = cells.get(at) { (*v, *s) } else { (0, 0) }
}

fn interval(cells: &[Cell], at: usize) -> IntervalMonthDayNano {
    if let Some(Cell::Interval(v)) = cells.get(at) { *v } else { IntervalMonthDayNano::new(0, 0, 0) }
}
