//! Lists of numbers: those from one to another, and the places of a list's elements.

use super::cast::cast_column;
use crate::error::external;
use crate::{SqlError, SqlType};
use arrow::array::{Array, ArrayRef, AsArray, Int64Builder, ListBuilder};
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// The most numbers of one list.
const MOST: i128 = 10_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Which {
    Series,
    Places,
}

/// `list_series(1, 3)` is `{1,2,3}`, `list_places(a, b)` numbers the elements of the longest list.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Numbers {
    which: Which,
    signature: Signature,
}

impl Numbers {
    pub(crate) fn both() -> [Self; 2] {
        let signature = || Signature::user_defined(Volatility::Immutable);
        [Which::Series, Which::Places].map(|which| Self { which, signature: signature() })
    }
}

fn of(number: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(number, true)))
}

impl ScalarUDFImpl for Numbers {
    fn name(&self) -> &str {
        if self.which == Which::Series { "list_series" } else { "list_places" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if self.which == Which::Places {
            return Ok(types.to_vec());
        }
        match types.iter().find(|t| !t.is_integer() && !t.is_null()) {
            None => Ok(vec![DataType::Int64; types.len()]),
            Some(other) => Err(external(SqlError::unsupported(
                format!("generate_series over a column of type {}", SqlType::of_arrow(other).name()),
                "Number the steps, and add them: start + n * interval '1 day'.",
            ))),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(of(DataType::Int64))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let columns = args.args.iter().map(|a| a.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let mut lists = ListBuilder::new(Int64Builder::new());
        for row in 0..rows {
            match self.which {
                Which::Series => series(&mut lists, &columns, row)?,
                Which::Places => {
                    let length = |list: &ArrayRef| {
                        list.as_list_opt::<i32>().filter(|l| l.is_valid(row)).map(|l| l.value_length(row))
                    };
                    let most = columns.iter().filter_map(length).max();
                    lists.append_option(most.map(|most| (1..=i64::from(most)).map(Some)));
                }
            }
        }
        crate::functions::one_or_all(scalar, Arc::new(lists.finish()))
    }
}

fn series(lists: &mut ListBuilder<Int64Builder>, columns: &[ArrayRef], row: usize) -> Result<()> {
    let numbers = columns.iter().map(|c| cast_column(c, &DataType::Int64)).collect::<Result<Vec<_>>>()?;
    if numbers.iter().any(|c| c.is_null(row)) {
        lists.append(false);
        return Ok(());
    }
    let at = |i: usize| numbers.get(i).map(|c| c.as_primitive::<Int64Type>().value(row));
    let (start, stop, step) = (at(0).unwrap_or_default(), at(1).unwrap_or_default(), at(2).unwrap_or(1));
    if step == 0 {
        return Err(super::arithmetic::coded("22023", "step size cannot equal zero"));
    }
    let span = (i128::from(stop) - i128::from(start)) / i128::from(step);
    if span > MOST {
        return Err(external(SqlError::unsupported("a series of more than 10,000,000 numbers", "Make it shorter.")));
    }
    let mut next = Some(start);
    while let Some(number) = next.filter(|n| if step > 0 { *n <= stop } else { *n >= stop }) {
        lists.values().append_value(number);
        next = number.checked_add(step);
    }
    lists.append(true);
    Ok(())
}
