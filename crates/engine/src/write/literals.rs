//! VALUES of literals, straight into columns: planning an expression for each cell costs more than storing it.

use super::assign::Target;
use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int64Array, StringViewArray, new_null_array,
};
use arrow::compute::kernels::cast_utils::parse_decimal;
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::ScalarValue;
use sluice_sql::SqlType;
use sqlparser::ast::{self, Expr, Parens, Query, SetExpr, UnaryOperator, Value};
use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

/// Columns with their positions in the table, and how many rows they have.
type Given = (Vec<(usize, ArrayRef)>, usize);

/// The columns of VALUES, without those that say DEFAULT. `None` if a cell is more than a literal, or if a column mixes
/// kinds of literals: then PostgreSQL's rules for types are needed.
pub(super) fn literals(query: &Query, target: &Target, named: &[usize], params: &[ScalarValue]) -> Option<Given> {
    let rows = rows_of(query)?;
    if rows.iter().any(|row| row.len() != named.len()) {
        return None;
    }
    let mut given = vec![];
    for (i, &position) in named.iter().enumerate() {
        let cells = rows.iter().map(|row| cell(&row[i], params)).collect::<Option<Vec<_>>>()?;
        if !cells.iter().all(|c| matches!(c, Cell::Default)) {
            given.push((position, column(&cells, &target.def.columns[position].ty)?));
        }
    }
    Some((given, rows.len()))
}

fn rows_of(query: &Query) -> Option<&[Parens<Vec<Expr>>]> {
    let Query {
        with: None,
        body,
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks,
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators,
    } = query
    else {
        return None;
    };
    match body.as_ref() {
        SetExpr::Values(ast::Values { explicit_row: false, value_keyword: false, rows })
            if locks.is_empty() && pipe_operators.is_empty() =>
        {
            Some(rows)
        }
        _ => None,
    }
}

enum Cell<'a> {
    Null,
    Default,
    Text(&'a str),
    Number { digits: &'a str, negative: bool },
    Boolean(bool),
    Parameter(&'a ScalarValue),
}

fn cell<'a>(expr: &'a Expr, params: &'a [ScalarValue]) -> Option<Cell<'a>> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Null => Some(Cell::Null),
            Value::SingleQuotedString(text) => Some(Cell::Text(text)),
            Value::Number(digits, false) => Some(Cell::Number { digits, negative: false }),
            Value::Boolean(value) => Some(Cell::Boolean(*value)),
            Value::Placeholder(name) => {
                let number: usize = name.strip_prefix('$')?.parse().ok()?;
                params.get(number.checked_sub(1)?).map(Cell::Parameter)
            }
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match cell(expr, params)? {
            Cell::Number { digits, negative: false } => Some(Cell::Number { digits, negative: true }),
            _ => None,
        },
        other => super::insert::is_default(other).then_some(Cell::Default),
    }
}

/// Cells of one kind, as a column of type `ty` can take them.
fn column(cells: &[Cell<'_>], ty: &SqlType) -> Option<ArrayRef> {
    if let [Cell::Parameter(value)] = cells {
        return value.to_array().ok();
    }
    let is_text = |c: &&Cell<'_>| matches!(c, Cell::Text(_));
    let first = cells.iter().find(is_text).or_else(|| cells.iter().find(|c| !matches!(c, Cell::Null)));
    // Each cell is stored by itself, so that a number may stand among texts, which have no type yet.
    let takes_numbers = ty.arrow().is_numeric() || matches!(ty, SqlType::Text | SqlType::Varchar(_));
    let is_number = |c: &Cell<'_>| matches!(c, Cell::Number { .. });
    match (first, &ty.arrow()) {
        (Some(Cell::Text(_)), _) if !takes_numbers && cells.iter().any(is_number) => None,
        (None, ty) => Some(new_null_array(ty, cells.len())),
        (Some(Cell::Text(_)), _) => Some(Arc::new(each(cells, Cell::text)?.into_iter().collect::<StringViewArray>())),
        (Some(Cell::Boolean(_)), DataType::Boolean) => Some(Arc::new(BooleanArray::from(each(cells, Cell::boolean)?))),
        (Some(Cell::Number { .. }), DataType::Float32) => {
            Some(Arc::new(Float32Array::from(each(cells, |c| c.number().filter(|n: &f32| n.is_finite()))?)))
        }
        (Some(Cell::Number { .. }), DataType::Float64) => {
            Some(Arc::new(Float64Array::from(each(cells, |c| c.number().filter(|n: &f64| n.is_finite()))?)))
        }
        (Some(Cell::Number { .. }), ty) if ty.is_integer() || matches!(ty, DataType::Decimal128(..)) => {
            let whole = each(cells, Cell::number::<i64>).map(|v| Arc::new(Int64Array::from(v)) as ArrayRef);
            whole.or_else(|| decimals(cells))
        }
        _ => None,
    }
}

/// A value for each cell that is not NULL, of all or of none.
fn each<'a, T>(cells: &[Cell<'a>], value: impl Fn(&Cell<'a>) -> Option<T>) -> Option<Vec<Option<T>>> {
    let values = cells.iter().map(|c| if matches!(c, Cell::Null) { Some(None) } else { value(c).map(Some) });
    values.collect()
}

/// Numbers of one scale, the largest that occurs.
fn decimals(cells: &[Cell<'_>]) -> Option<ArrayRef> {
    let decimals = |c: &Cell<'_>| match c {
        Cell::Number { digits, .. } => digits.split_once('.').map_or(0, |(_, decimals)| decimals.len()),
        _ => 0,
    };
    let scale = i8::try_from(cells.iter().map(decimals).max()?).ok()?;
    // One digit less than there could be: the full width says that a number is a quotient.
    let precision = 37;
    let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let values = each(cells, |c| match c {
        Cell::Number { digits, negative } if plain(digits) => {
            let value = parse_decimal::<Decimal128Type>(digits, precision, scale).ok()?;
            Some(if *negative { -value } else { value })
        }
        _ => None,
    })?;
    Some(Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).ok()?))
}

impl<'a> Cell<'a> {
    fn text(&self) -> Option<Cow<'a, str>> {
        match self {
            Cell::Text(text) => Some(Cow::Borrowed(text)),
            number => number.number::<i64>().map(|n| Cow::Owned(n.to_string())),
        }
    }

    fn boolean(&self) -> Option<bool> {
        if let Cell::Boolean(value) = self { Some(*value) } else { None }
    }

    fn number<T: FromStr>(&self) -> Option<T> {
        match self {
            Cell::Number { digits, negative: false } => digits.parse().ok(),
            Cell::Number { digits, negative: true } => format!("-{digits}").parse().ok(),
            _ => None,
        }
    }
}
